package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
)

// A Tier is three edges behind the same addresses, Shop4 and Shop6, which a router
// spreads flows over:
//
//	               ┌── Edges[0]
//	Client ── Router ── Edges[1]
//	               └── Edges[2]
type Tier struct {
	Client, Router *Namespace
	Edges          [3]*Namespace

	name, bpffs string
}

// ToRouter is the interface of an edge, and of the client.
const ToRouter = "router"

// EdgeAddr is the address of an edge that is its own.
func EdgeAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(10 + i), 2}) }

// NewTier builds a tier whose router knows the way to all edges. Close it.
func NewTier() (*Tier, error) {
	if err := sweepOnce(); err != nil {
		return nil, err
	}
	t := &Tier{name: fmt.Sprintf("%s%d-%d-", prefix, os.Getpid(), labs.Add(1))}
	if err := t.build(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Tier) build() (err error) {
	add := func(suffix string) (n *Namespace) {
		if err != nil {
			return nil
		}
		if n, err = addNamespace(t.name + suffix); err == nil {
			err = n.quieten()
		}
		return n
	}
	t.Router, t.Client = add("router"), add("client")
	for i := range t.Edges {
		t.Edges[i] = add(fmt.Sprintf("edge%d", i))
	}
	if err != nil {
		return err
	}
	err = errors.Join(
		t.Router.Set("net.ipv4.fib_multipath_hash_policy", "1"), t.Router.Set("net.ipv6.fib_multipath_hash_policy", "1"),
		t.join(ToClient, t.Client, 1, "addr add "+Customer4.String()+"/32 dev router", "addr add "+Customer6.String()+"/128 dev router nodad"),
		t.Router.ip("route add "+Customer4.String()+" via 10.0.1.2", "route add "+Customer6.String()+" via fd00:0:0:1::2"),
	)
	for i, edge := range t.Edges {
		err = errors.Join(err, t.join(edgeName(i), edge, 10+i,
			"addr add "+Shop4.String()+"/32 dev lo", "addr add "+Shop6.String()+"/128 dev lo nodad"))
	}
	return errors.Join(err, t.Announce(0, 1, 2))
}

func edgeName(i int) string { return fmt.Sprintf("edge%d", i) }

// join links a host to the router, whose interface has this name, by the networks
// 10.0.net.0/24 and fd00:0:0:net::/64.
func (t *Tier) join(name string, host *Namespace, net int, more ...string) error {
	source4, source6 := "", ""
	if host == t.Client {
		source4, source6 = " src "+Customer4.String(), " src "+Customer6.String()
	}
	err := t.Router.ip(
		"link add "+name+" type veth peer name router netns "+host.Name,
		fmt.Sprintf("addr add 10.0.%d.1/24 dev %s", net, name), fmt.Sprintf("addr add fd00:0:0:%d::1/64 dev %s nodad", net, name),
		"link set "+name+" up",
	)
	lines := append([]string{
		"link set lo up", "link set router up",
		fmt.Sprintf("addr add 10.0.%d.2/24 dev router", net), fmt.Sprintf("addr add fd00:0:0:%d::2/64 dev router nodad", net),
	}, more...)
	lines = append(lines, fmt.Sprintf("route add default via 10.0.%d.1%s", net, source4), fmt.Sprintf("route add default via fd00:0:0:%d::1%s", net, source6))
	if err == nil {
		err = host.ip(lines...)
	}
	return errors.Join(err, t.Router.tune(name), host.tune(ToRouter))
}

// Announce has the router spread flows over these edges and no others.
func (t *Tier) Announce(edges ...int) error {
	four, six := "route replace "+Shop4.String(), "route replace "+Shop6.String()
	for _, i := range edges {
		four += fmt.Sprintf(" nexthop via 10.0.%d.2", 10+i)
		six += fmt.Sprintf(" nexthop via fd00:0:0:%d::2", 10+i)
	}
	return t.Router.ip(four, six)
}

// Cut takes the link to an edge down, as if the edge had died.
func (t *Tier) Cut(edge int) error { return t.Router.ip("link set " + edgeName(edge) + " down") }

// BPFFS mounts a BPF file system of the tier's own, and returns where.
func (t *Tier) BPFFS() (dir string, err error) {
	if t.bpffs == "" {
		t.bpffs, err = mountBPFFS(t.name)
	}
	return t.bpffs, err
}

// Close removes the tier.
func (t *Tier) Close() error {
	var failed []error
	if t.bpffs != "" {
		failed = append(failed, unmount(t.bpffs))
	}
	for _, n := range append(t.Edges[:], t.Router, t.Client) {
		if n != nil {
			failed = append(failed, n.delete())
		}
	}
	return errors.Join(failed...)
}
