package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
)

// A Lab is four hosts, joined by links:
//
//	Client ── Internet ── Edge ── Centre
//	               └────────────────┘
//
// The internet only routes. Attacks start on its link to the edge, so that they and
// customers arrive on one interface of the edge, as in reality, and no other host has
// to process the attack. Answers to spoofed addresses are dropped there. The data
// centre answers without passing the edge.
type Lab struct {
	Internet, Client, Edge, Centre *Namespace

	OneCPU bool // sends, and so receives, on one CPU only

	name      string // begins the names of all that is the lab's
	bpffs     string // where it is mounted, if it is
	generator *generator
}

// Names of interfaces: every host names its interfaces by the host at the other end.
const (
	ToInternet = "internet"
	ToClient   = "client"
	ToEdge     = "edge"
	ToCentre   = "centre"
)

// Addresses of the hosts.
var (
	// The edge has all of these addresses; shops use the tenth.
	ShopNet4 = netip.MustParsePrefix("203.0.113.0/24")
	ShopNet6 = netip.MustParsePrefix("2001:db8:113::/64")
	Shop4    = netip.MustParseAddr("203.0.113.10")
	Shop6    = netip.MustParseAddr("2001:db8:113::10")

	// The data centre has these.
	CentreNet4 = netip.MustParsePrefix("198.51.100.0/24")
	CentreNet6 = netip.MustParsePrefix("2001:db8:114::/64")
	Centre4    = netip.MustParseAddr("198.51.100.10")
	Centre6    = netip.MustParseAddr("2001:db8:114::10")

	// The client has these: one customer, and any number of bots, whose addresses are
	// their own.
	Customer4 = netip.MustParseAddr("10.1.0.10")
	Customer6 = netip.MustParseAddr("fd00:1::10")
	BotNet4   = netip.MustParsePrefix("10.2.0.0/16")
	BotNet6   = netip.MustParsePrefix("fd00:2::/64")

	// No host has these: attackers spoof them.
	SpoofedNet4 = netip.MustParsePrefix("100.64.0.0/10")
	SpoofedNet6 = netip.MustParsePrefix("2a00::/12")
)

// Ends of the link on which attacks arrive.
const (
	internetMAC = "02:00:00:00:01:01"
	edgeMAC     = "02:00:00:00:01:02"
)

// prefix is the prefix of all names that labs create; the process ID and the number of
// the lab follow.
const prefix = "th-"

var (
	labs      atomic.Uint32
	sweepOnce = sync.OnceValue(sweep)
)

// New builds a lab. Close it.
func New() (*Lab, error) {
	if err := sweepOnce(); err != nil {
		return nil, err
	}
	l := &Lab{name: fmt.Sprintf("%s%d-%d-", prefix, os.Getpid(), labs.Add(1))}
	err := l.build()
	if err == nil {
		l.generator, err = load(l)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) build() (err error) {
	for _, host := range []struct {
		position **Namespace
		suffix   string
	}{{&l.Internet, "internet"}, {&l.Client, "client"}, {&l.Edge, "edge"}, {&l.Centre, "centre"}} {
		if *host.position, err = addNamespace(l.name + host.suffix); err != nil {
			return err
		}
		if err = (*host.position).quieten(); err != nil {
			return err
		}
	}
	if err = l.join(); err != nil {
		return err
	}
	for _, end := range []struct {
		host  *Namespace
		iface string
	}{
		{l.Internet, ToClient},
		{l.Internet, ToEdge},
		{l.Internet, ToCentre},
		{l.Client, ToInternet},
		{l.Edge, ToInternet},
		{l.Edge, ToCentre},
		{l.Centre, ToEdge},
		{l.Centre, ToInternet},
	} {
		if err = end.host.tune(end.iface); err != nil {
			return err
		}
	}
	return l.Forget()
}

// quieten sets defaults of links that are created later: no reverse-path filter, no
// duplicate address detection, no router solicitation.
func (n *Namespace) quieten() error {
	var failed []error
	for _, setting := range [][2]string{
		{"net.ipv4.conf.all.rp_filter", "0"},
		{"net.ipv4.conf.default.rp_filter", "0"},
		{"net.ipv4.ip_forward", "1"},
		{"net.ipv6.conf.all.forwarding", "1"},
		{"net.ipv6.conf.default.accept_dad", "0"},
		{"net.ipv6.conf.default.accept_ra", "0"},
		{"net.ipv6.ip_nonlocal_bind", "1"}, // otherwise a bot could not use its address
		{"net.ipv4.tcp_no_metrics_save", "1"},
	} {
		failed = append(failed, n.Set(setting[0], setting[1]))
	}
	return errors.Join(failed...)
}

// join makes the links and the routes.
func (l *Lab) join() error {
	link := func(here, there string, to *Namespace, more ...string) string {
		line := "link add " + here + " type veth peer name " + there + " netns " + to.Name
		if len(more) > 0 {
			line = "link add " + here + " address " + more[0] + " type veth peer name " + there + " address " + more[1] + " netns " + to.Name
		}
		return line
	}
	return errors.Join(
		l.Internet.ip(
			link(ToClient, ToInternet, l.Client),
			link(ToEdge, ToInternet, l.Edge, internetMAC, edgeMAC),
			link(ToCentre, ToInternet, l.Centre),
			"addr add 10.0.1.1/24 dev client", "addr add fd00:0:0:1::1/64 dev client nodad", "link set client up",
			"addr add 10.0.2.1/24 dev edge", "addr add fd00:0:0:2::1/64 dev edge nodad", "link set edge up",
			"addr add 10.0.3.1/24 dev centre", "addr add fd00:0:0:3::1/64 dev centre nodad", "link set centre up",
		),
		l.Client.ip(
			"link set lo up", "link set internet up",
			"addr add 10.0.1.2/24 dev internet", "addr add fd00:0:0:1::2/64 dev internet nodad",
			"addr add 10.1.0.10/32 dev internet", "addr add fd00:1::10/128 dev internet nodad",
			"route add local 10.2.0.0/16 dev lo", "route add local fd00:2::/64 dev lo",
			"route add default via 10.0.1.1 src 10.1.0.10", "route add default via fd00:0:0:1::1 src fd00:1::10",
		),
		l.Edge.ip(
			link(ToCentre, ToEdge, l.Centre),
			"link set lo up", "link set internet up", "link set centre up",
			"addr add 10.0.2.2/24 dev internet", "addr add fd00:0:0:2::2/64 dev internet nodad",
			"addr add 10.0.4.1/24 dev centre", "addr add fd00:0:0:4::1/64 dev centre nodad",
			"route add local 203.0.113.0/24 dev lo", "route add local 2001:db8:113::/64 dev lo",
			"route add 198.51.100.0/24 via 10.0.4.2", "route add 2001:db8:114::/64 via fd00:0:0:4::2",
			"route add default via 10.0.2.1", "route add default via fd00:0:0:2::1",
		),
		l.Centre.ip(
			"link set lo up", "link set edge up", "link set internet up",
			"addr add 10.0.4.2/24 dev edge", "addr add fd00:0:0:4::2/64 dev edge nodad",
			"addr add 10.0.3.2/24 dev internet", "addr add fd00:0:0:3::2/64 dev internet nodad",
			"route add local 198.51.100.0/24 dev lo", "route add local 2001:db8:114::/64 dev lo",
			"route add default via 10.0.3.1", "route add default via fd00:0:0:3::1",
		),
		l.Internet.ip(
			"route add 10.1.0.0/16 via 10.0.1.2", "route add fd00:1::/64 via fd00:0:0:1::2",
			"route add 10.2.0.0/16 via 10.0.1.2", "route add fd00:2::/64 via fd00:0:0:1::2",
			"route add 203.0.113.0/24 via 10.0.2.2", "route add 2001:db8:113::/64 via fd00:0:0:2::2",
			"route add 198.51.100.0/24 via 10.0.2.2", "route add 2001:db8:114::/64 via fd00:0:0:2::2",
		),
	)
}

// Forget flushes what the stacks remember of their peers. A stack reserves a quarter
// of a listener's backlog for known peers, which would hide that a flood has closed it
// to all others.
func (l *Lab) Forget() error {
	return errors.Join(l.Edge.ip("tcp_metrics flush all"), l.Centre.ip("tcp_metrics flush all"))
}

// Close removes the lab.
func (l *Lab) Close() error {
	var failed []error
	if l.generator != nil {
		failed = append(failed, l.generator.close())
	}
	if l.bpffs != "" {
		failed = append(failed, unmount(l.bpffs))
	}
	for _, n := range []*Namespace{l.Internet, l.Client, l.Edge, l.Centre} {
		if n != nil {
			failed = append(failed, n.delete())
		}
	}
	return errors.Join(failed...)
}
