package scrub

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/shop"
)

// Config is the policy file, YAML or JSON: what is protected, and from what.
type Config struct {
	// The network interfaces that lead to the internet.
	Interfaces []string `yaml:"interfaces" json:"interfaces"`

	// What is protected. Packets to any other destination pass.
	Policies []Policy `yaml:"policies" json:"policies"`

	// Sources that always pass.
	Allow []Prefix `yaml:"allow,omitempty" json:"allow,omitempty"`

	// Sources that are always dropped.
	Deny []Prefix `yaml:"deny,omitempty" json:"deny,omitempty"`

	// The other edges behind the same addresses. Default: none.
	HandOn *HandOn `yaml:"hand_on,omitempty" json:"hand_on,omitempty"`

	// What to do about packets that are invalid whatever their destination:
	// malformed, land, flags. Default: mitigate.
	Modes map[Reason]Mode `yaml:"modes,omitempty" json:"modes,omitempty"`

	// UDP source ports of reflectors. Default: those of known amplification
	// attacks.
	Reflectors []uint16 `yaml:"reflectors,omitempty" json:"reflectors,omitempty"`

	// One of so many packets per reason is a sample, as shown by watch and top.
	// Default: 1024. Rounded up to a power of two.
	Sample uint32 `yaml:"sample,omitempty" json:"sample,omitempty"`
}

// Policy is which services some addresses offer, and how much of each kind of
// packet they accept.
type Policy struct {
	// Its name in output and metrics: 1 to 40 of a-z, 0-9 and '-'.
	Name string `yaml:"name" json:"name"`

	// The protected addresses or prefixes.
	Protect []Prefix `yaml:"protect" json:"protect"`

	// off passes everything, monitor counts what would be dropped and passes it,
	// mitigate drops it. Default: mitigate.
	Mode Mode `yaml:"mode" json:"mode"`

	// Other modes for single reasons.
	Modes map[Reason]Mode `yaml:"modes,omitempty" json:"modes,omitempty"`

	// The ports that are served: numbers, ranges such as 8000-8100, or any.
	TCP  []Ports `yaml:"tcp,omitempty" json:"tcp,omitempty"`
	UDP  []Ports `yaml:"udp,omitempty" json:"udp,omitempty"`
	QUIC []Ports `yaml:"quic,omitempty" json:"quic,omitempty"`

	// Numbers of other IP protocols that are served, such as 50 (ESP).
	Protocols []uint8 `yaml:"protocols,omitempty" json:"protocols,omitempty"`

	// Whether the addresses open connections themselves, so that answers may come
	// to any port. Not needed for addresses of this host, whose stack is asked.
	Outbound bool `yaml:"outbound,omitempty" json:"outbound,omitempty"`

	// Rate limits, in packets.
	Budgets Budgets `yaml:"budgets,omitempty" json:"budgets,omitzero"`

	// The GRE tunnel for clean packets. Default: none, they are for this host.
	Tunnel *Tunnel `yaml:"tunnel,omitempty" json:"tunnel,omitempty"`
}

// Budgets are rate limits of packets that are not known to be good. A burst of one
// second's worth is allowed on top.
type Budgets struct {
	// SYNs to one address, and to its /24 or /64. Above it they are answered here,
	// and only clients that prove to receive the answer get through. Default:
	// 2000/s, 10000/s.
	SYN    Budget `yaml:"syn,omitempty" json:"syn,omitzero"`
	SYNNet Budget `yaml:"syn_net,omitempty" json:"syn_net,omitzero"`

	// ACKs, RSTs and FINs of unverified sources to one address. Above it they must
	// belong to a connection. Default: 20000/s.
	OutOfState Budget `yaml:"out_of_state,omitempty" json:"out_of_state,omitzero"`

	// UDP, pings, fragments and others to one address, and to its /24 or /64.
	// Default: 50000/s, 200000/s.
	Unverified    Budget `yaml:"unverified,omitempty" json:"unverified,omitzero"`
	UnverifiedNet Budget `yaml:"unverified_net,omitempty" json:"unverified_net,omitzero"`

	// ICMP errors that quote a packet of the destination, to its /24 or /64. They
	// count in no other budget, since connections depend on them. Default: 2000/s.
	ICMPError Budget `yaml:"icmp_error,omitempty" json:"icmp_error,omitzero"`

	// Pings, QUIC's first packets and fragments to one address. Default: 500/s,
	// 2000/s, none.
	ICMP        Budget `yaml:"icmp,omitempty" json:"icmp,omitzero"`
	QUICInitial Budget `yaml:"quic_initial,omitempty" json:"quic_initial,omitzero"`
	Fragment    Budget `yaml:"fragment,omitempty" json:"fragment,omitzero"`

	// Packets of one source: TCP of a verified source, and UDP, pings and others of
	// an unverified source, where several sources share a bucket. Default: 20000/s,
	// 5000/s.
	VerifiedSource   Budget `yaml:"verified_source,omitempty" json:"verified_source,omitzero"`
	UnverifiedSource Budget `yaml:"unverified_source,omitempty" json:"unverified_source,omitzero"`
}

// Tunnel is a tunnel to a data centre: plain GRE (RFC 2784) over IPv4.
type Tunnel struct {
	From netip.Addr `yaml:"from" json:"from"`
	To   netip.Addr `yaml:"to" json:"to"`
}

// Budget is a rate such as 2000/s, or unlimited.
type Budget struct {
	shop.Rate
	Unlimited bool
}

// UnmarshalText parses a rate such as 2000/s, or unlimited.
func (b *Budget) UnmarshalText(text []byte) error {
	if string(text) == "unlimited" {
		*b = Budget{Unlimited: true}
		return nil
	}
	return b.Rate.UnmarshalText(text)
}

// MarshalText formats a budget as UnmarshalText parses it.
func (b Budget) MarshalText() ([]byte, error) {
	if b.Unlimited {
		return []byte("unlimited"), nil
	}
	return b.Rate.MarshalText()
}

// IsZero reports whether no budget was given.
func (b Budget) IsZero() bool { return b == Budget{} }

// Prefix is an address prefix. In text, an address is a prefix of its full length.
type Prefix struct{ netip.Prefix }

// UnmarshalText parses 192.0.2.0/24, 192.0.2.1, 2001:db8::/32 or 2001:db8::1.
func (p *Prefix) UnmarshalText(text []byte) (err error) {
	p.Prefix, err = ParsePrefix(string(text))
	return err
}

// ParsePrefix parses a prefix, or an address as a prefix of its full length.
func ParsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, fmt.Errorf("%q is not a valid address or prefix: want 192.0.2.1 or 192.0.2.0/24", text)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%s has host bits set; did you mean %s?", text, p.Masked())
	}
	if p.Addr().Is4In6() {
		return p, fmt.Errorf("%s: write it as an IPv4 prefix", text)
	}
	return p, nil
}

// Ports is a range of ports.
type Ports struct{ From, To uint16 }

// UnmarshalText parses 443, 8000-8100 or any.
func (p *Ports) UnmarshalText(text []byte) error {
	if string(text) == "any" {
		*p = Ports{0, 65535}
		return nil
	}
	from, to, ranged := strings.Cut(string(text), "-")
	if !ranged {
		to = from
	}
	low, err := strconv.ParseUint(from, 10, 16)
	high, err2 := strconv.ParseUint(to, 10, 16)
	if err != nil || err2 != nil || low > high {
		return fmt.Errorf("%q is not a valid port: want 443, 8000-8100 or any", text)
	}
	*p = Ports{uint16(low), uint16(high)}
	return nil
}

// MarshalText formats ports as UnmarshalText parses them.
func (p Ports) MarshalText() ([]byte, error) {
	switch {
	case p == Ports{0, 65535}:
		return []byte("any"), nil
	case p.From == p.To:
		return []byte(strconv.Itoa(int(p.From))), nil
	}
	return fmt.Appendf(nil, "%d-%d", p.From, p.To), nil
}

// Parse reads the content of a policy file, validates it, and fills in the
// defaults.
func Parse(raw []byte) (*Config, error) {
	c := new(Config)
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return c, c.Validate()
}

// knownReflectors are the UDP ports of known amplification attacks: QOTD, chargen, DNS, TFTP, RPC, NTP, NetBIOS, SNMP, CLDAP, RIP, L2TP,
// SSDP, Apple Remote Management, STUN, WS-Discovery, Sentinel, mDNS, CoAP, Ubiquiti,
// TP240, memcached, Steam, Plex, DHDiscover (CISA TA14-017A and vendors' notices).
var knownReflectors = []uint16{
	17, 19, 53, 69, 111, 123, 137, 161, 389, 520, 1701, 1900, 3283, 3478, 3702, 5093, 5353, 5683, 10001, 10074, 11211, 27015, 32414, 37810,
}

// widest4 is the shortest length of IPv4 prefixes in the lists: each /24 costs a
// system call and some memory.
const widest4 = 8

// Validate reports the first mistake, and fills in the defaults.
func (c *Config) Validate() error {
	names, owners := map[string]bool{}, map[netip.Prefix]string{}
	if len(c.Policies) >= maxPolicies {
		return fmt.Errorf("%d policies: at most %d are possible", len(c.Policies), maxPolicies-1)
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		if err := p.validate(); err != nil {
			return At(fmt.Errorf("policy %q: %w", p.Name, err), "policies", i)
		}
		if names[p.Name] {
			return At(fmt.Errorf("duplicate policy %q", p.Name), "policies", i, "name")
		}
		names[p.Name] = true
		for j, prefix := range p.Protect {
			if other, taken := owners[prefix.Prefix]; taken {
				return At(fmt.Errorf("%s is protected by two policies, %q and %q", prefix, other, p.Name), "policies", i, "protect", j)
			}
			owners[prefix.Prefix] = p.Name
		}
	}
	if n := singles(owners); n > maxHosts {
		return fmt.Errorf("%d single addresses are protected: at most %d are possible; protect prefixes instead", n, maxHosts)
	}
	for list, prefixes := range map[string][]Prefix{"allow": c.Allow, "deny": c.Deny} {
		for i, p := range prefixes {
			if p.Addr().Is4() && p.Bits() < widest4 {
				return At(fmt.Errorf("%s: %s is wider than /%d", list, p, widest4), list, i)
			}
		}
	}
	if c.HandOn != nil {
		if err := c.HandOn.validate(); err != nil {
			return At(fmt.Errorf("hand_on: %w", err), "hand_on")
		}
	}
	for r := range c.Modes {
		if !r.general() {
			return At(fmt.Errorf("modes: %s depends on the destination; set it in a policy", r), "modes", r.String())
		}
	}
	if c.Sample == 0 {
		c.Sample = 1024
	}
	if c.Sample > 1<<30 {
		return At(fmt.Errorf("sample is %d: want at most %d", c.Sample, 1<<30), "sample")
	}
	if c.Reflectors == nil {
		c.Reflectors = slices.Clone(knownReflectors)
	}
	return nil
}

func (p *Policy) validate() error {
	if _, err := shop.ParseID(p.Name); err != nil || p.Name == generalPolicy {
		return At(fmt.Errorf("a name has 1 to 40 of a-z, 0-9 and '-', and is not %q", generalPolicy), "name")
	}
	if len(p.Protect) == 0 {
		return errors.New("protect is missing: which addresses are protected?")
	}
	if len(p.TCP) > maxPorts || len(p.UDP) > maxPorts || len(p.QUIC) > maxQUIC {
		return fmt.Errorf("too many ranges of ports: tcp and udp take at most %d, quic %d", maxPorts, maxQUIC)
	}
	for r := range p.Modes {
		if !r.settable() || r.general() {
			return At(fmt.Errorf("modes: a policy cannot set the mode of %s", r), "modes", r.String())
		}
	}
	if t := p.Tunnel; t != nil && (!t.From.Is4() || !t.To.Is4() || t.From == t.To) {
		return At(errors.New("tunnel: from and to must be two IPv4 addresses"), "tunnel")
	}
	for i, prefix := range p.Protect {
		if p.Tunnel == nil && !prefix.IsSingleIP() && prefix.Bits() == 0 {
			return At(fmt.Errorf("protect: %s is the whole internet", prefix), "protect", i)
		}
	}
	if p.Mode == byDefault {
		p.Mode = Mitigate
	}
	p.Budgets.fill()
	return nil
}
