//go:build linux

package scrub

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// goldenPolicy has a policy for each kind: for this host, off, monitored,
// opening connections of its own, and through tunnels with a way and without.
const goldenPolicy = `
sample: 1
allow: [192.0.2.7, 2001:db8:dead::7]
deny: [192.0.2.0/24, 198.18.0.0/15, 2001:db8:dead::/48, 2001:db8:f000::/36]
policies:
  - {name: shop, protect: [203.0.113.10, "2001:db8:113::10"], tcp: [80, 8443, 9000-9010], udp: [5000], quic: [443], protocols: [50], budgets: &all {syn: unlimited, syn_net: unlimited, out_of_state: unlimited, unverified: unlimited, unverified_net: unlimited, icmp: unlimited, icmp_error: unlimited, quic_initial: unlimited, verified_source: unlimited, unverified_source: unlimited}}
  - {name: idle, protect: [203.0.113.11, "2001:db8:113::11"], mode: off, budgets: *all}
  - {name: seen, protect: [203.0.113.12, "2001:db8:113::12"], mode: monitor, tcp: [80], quic: [443], budgets: *all}
  - {name: open, protect: [203.0.113.14, "2001:db8:113::14"], outbound: true, tcp: [80], budgets: *all}
  - {name: some, protect: [203.0.113.15, "2001:db8:113::15"], tcp: [80], modes: {options: off, fragment: monitor, out_of_state: off}, budgets: *all}
  - {name: net, protect: [203.0.113.128/25, "2001:db8:113:8000::/49"], tcp: [80], budgets: *all}
  - {name: centre, protect: [198.51.100.0/24, "2001:db8:c::/48"], tcp: [80], udp: [5000], tunnel: {from: ` + wayFrom + `, to: ` + wayTo + `}, budgets: *all}
  - {name: lost, protect: [198.51.101.0/24, "2001:db8:d::/48"], tcp: [80], tunnel: {from: ` + wayFrom + `, to: 192.168.77.1}, budgets: *all}
`

// A golden is a packet with its expected result.
type golden struct {
	name      string
	packet    []byte
	policy    string // under which it is counted; empty: general
	reason    string
	monitored string // the reason that monitor mode did not enforce
	spent     []kernelBudget
	verified  bool // its source is verified
	leaves    func(in []byte) []byte
	v6        bool
}

// goldens are all of them, except those that need more than one packet.
func goldens() []golden {
	return slices.Concat(goldenHeaders(), goldenSources(), goldenDestinations(), goldenDatagrams(), goldenICMP(), goldenTCP(), goldenRouted())
}

// Source and destination, unless a golden has others.
var (
	client4 = netip.MustParseAddr("100.64.1.1")
	client6 = netip.MustParseAddr("2a00:1:2:3::1")
	shop4   = netip.MustParseAddr("203.0.113.10")
	shop6   = netip.MustParseAddr("2001:db8:113::10")
	wire    = lab.Ethernet{Dst: [6]byte{2, 0, 0, 0, 0, 1}, Src: [6]byte{2, 0, 0, 0, 0, 2}}
)

// shopSYN is what clients send.
var shopSYN = lab.TCP{
	From: 40000, To: 80, Seq: 0x01020304, Flags: lab.SYN,
	Options: []byte{2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7},
}

func segment(flags uint8) lab.TCP {
	return lab.TCP{From: 40000, To: 80, Seq: 1, Ack: 0x0a0b0c0d, Flags: flags}
}

// four and six build a packet from one address to another.
func four(from, to string, layers ...lab.Layer) []byte {
	return ip4(lab.IPv4{Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(to)}, layers...)
}

func six(from, to string, layers ...lab.Layer) []byte {
	return ip6(lab.IPv6{Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(to)}, layers...)
}

// ip4 and ip6 build a packet from the client to the shop, unless ip has other
// addresses.
func ip4(ip lab.IPv4, layers ...lab.Layer) []byte {
	ip.Src, ip.Dst = orAddr(ip.Src, client4), orAddr(ip.Dst, shop4)
	return lab.Build(slices.Concat([]lab.Layer{wire, ip}, layers)...).Bytes
}

func ip6(ip lab.IPv6, layers ...lab.Layer) []byte {
	ip.Src, ip.Dst = orAddr(ip.Src, client6), orAddr(ip.Dst, shop6)
	return lab.Build(slices.Concat([]lab.Layer{wire, ip}, layers)...).Bytes
}

func orAddr(a, otherwise netip.Addr) netip.Addr {
	if a.IsValid() {
		return a
	}
	return otherwise
}

// both are two goldens, one for each family, of the same layers.
func both(g golden, layers ...lab.Layer) []golden {
	a, b := g, g
	a.packet, b.packet, b.v6 = ip4(lab.IPv4{}, layers...), ip6(lab.IPv6{}, layers...), true
	return []golden{a, b}
}

// at are both, to the destination whose addresses end with this number.
func at(end int, g golden, layers ...lab.Layer) []golden {
	a, b := g, g
	a.packet = four(client4.String(), fmt.Sprintf("203.0.113.%d", end), layers...)
	b.packet, b.v6 = six(client6.String(), fmt.Sprintf("2001:db8:113::%d", end), layers...), true
	return []golden{a, b}
}

// TestGoldenPackets: each packet leaves for its reason, is counted once, and
// leaves as it should.
func TestGoldenPackets(t *testing.T) {
	h := newHarness(t, goldenPolicy)
	h.listen()
	met := make(map[string]bool) // reason and family
	for _, g := range goldens() {
		t.Run(fmt.Sprintf("v6=%t/%s", g.v6, g.name), func(t *testing.T) { h.golden(t, g) })
		met[fmt.Sprintf("%s v6=%t", g.reason, g.v6)] = true
	}
	for _, v6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("v6=%t/a RST that verifies its source", v6), func(t *testing.T) { h.proof(t, v6) })
		t.Run(fmt.Sprintf("v6=%t/an ACK that brings a cookie back", v6), func(t *testing.T) { h.cookie(t, v6) })
		met[fmt.Sprintf("syn_auth_rst v6=%t", v6)] = true
	}
	for r := range Reasons {
		for _, v6 := range []bool{false, true} {
			if key := fmt.Sprintf("%s v6=%t", Reason(r), v6); !met[key] && !slices.Contains(needsWindow, Reason(r).String()) {
				t.Errorf("no golden packet for %s", key)
			}
		}
	}
}

// golden judges one golden packet.
func (h *harness) golden(t *testing.T, g golden) {
	t.Helper()
	policy := g.policy
	if policy == "" {
		policy = generalPolicy
	}
	if len(g.spent) > 0 {
		was := h.change(policy, spent(g.spent...))
		defer h.change(policy, func(p *kernelPolicy) { *p = was })
	}
	if g.verified {
		for _, source := range []netip.Addr{client4, client6} {
			h.verify(source, token, h.shown())
			defer h.unverify(source)
		}
	}
	h.remind(g.reason == "syncookie_refresh")
	before := h.tallied()
	j := h.judge(g.packet)
	got, want := moved(before, h.tallied()), fmt.Sprintf("%s %s +1 (%d bytes, 0 watched)", policy, g.reason, len(g.packet))
	if g.monitored != "" {
		lines := []string{want, fmt.Sprintf("%s %s +0 (0 bytes, 1 watched)", policy, g.monitored)}
		want = strings.Join(slices.Sorted(slices.Values(lines)), "; ")
	}
	if got != want {
		t.Errorf("counted is %q, want %q", got, want)
	}
	if got, want := j.action, actionOf(j.reason); j.reason.String() != g.reason || got != want {
		t.Errorf("shown as %s with action %d, want %s with %d", j.reason, got, g.reason, want)
	}
	leaves := g.packet
	if g.leaves != nil {
		leaves = g.leaves(g.packet)
	}
	if !bytes.Equal(j.bytes, leaves) && g.reason != "syn_cookie" && g.reason != "syn_auth" { // those are tested elsewhere
		t.Errorf("leaves as\n%x, want\n%x", j.bytes, leaves)
	}
}
