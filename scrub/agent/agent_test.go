//go:build linux

package agent

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/test/need"
)

const agentPolicy = `
interfaces: [lo]
local: [192.0.2.2]
peers: [192.0.2.1]
protect: [198.51.100.0/24, "2001:db8:114::/64"]
`

// loadedAgent is an agent with this policy, attached to nothing.
func loadedAgent(t *testing.T, policy string) *Agent {
	t.Helper()
	a, err := Load(need.BPFFS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(c); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFeatures(t *testing.T) {
	need.BPF(t)
	for _, f := range Features() {
		if f.Missing != nil || f.Is == "" || f.Try == "" {
			t.Errorf("%s: %v, although the programs can be loaded here", f.What, f.Missing)
		}
	}
}

// ether is a frame with this number of VLAN tags.
func ether(kind uint16, tags int, inner []byte) []byte {
	frame := lab.Ethernet{Dst: [6]byte{2, 0, 0, 0, 0, 2}, Src: [6]byte{2, 0, 0, 0, 0, 1}, Type: kind}
	all := []lab.Layer{frame}
	for tag := range tags {
		all = append(all, lab.VLAN{ID: uint16(7 + tag)})
	}
	if tags > 0 {
		frame.Type = 0 // that of the first tag
		all[0], all[tags] = frame, lab.VLAN{ID: uint16(6 + tags), Type: kind}
	}
	return lab.Build(append(all, lab.Payload(inner))...).Bytes
}

// inner4, inner6 and gre are packets around inner.
func inner4(src, dst string, protocol uint8, inner []byte) []byte {
	ip := lab.IPv4{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Protocol: protocol}
	return lab.Build(ip, lab.Payload(inner)).Bytes
}

func inner6(src, dst string, protocol uint8, inner []byte) []byte {
	ip := lab.IPv6{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Next: protocol}
	return lab.Build(ip, lab.Payload(inner)).Bytes
}

func gre(kind uint16, inner []byte) []byte {
	return lab.Build(lab.GRE{Type: kind}, lab.Payload(inner)).Bytes
}

// with writes bytes into a copy of a packet.
func with(packet []byte, at int, b ...byte) []byte {
	packet = slices.Clone(packet)
	copy(packet[at:], b)
	return packet
}

// TestAgentTakesTunnelsApart has packets of each kind come in: what becomes of
// them, and under what they are counted.
func TestAgentTakesTunnelsApart(t *testing.T) {
	const edge, here, stranger, client = "192.0.2.1", "192.0.2.2", "192.0.2.9", "203.0.113.7"
	inside4 := inner4(client, "198.51.100.10", 17, []byte("a datagram"))
	inside6 := inner6("2001:db8::7", "2001:db8:114::10", 17, []byte("a datagram"))
	good := inner4(edge, here, 47, gre(0x0800, inside4))
	tunnelled := func(kind uint16, inner []byte) []byte {
		return ether(0x0800, 0, inner4(edge, here, 47, gre(kind, inner)))
	}
	a := loadedAgent(t, agentPolicy)
	for about, c := range map[string]struct {
		frame []byte
		why   agentReason
		out   []byte // nil: as it came
	}{
		"IPv4":                             {ether(0x0800, 0, good), agentReasonREASON_DECAPSULATED, ether(0x0800, 0, inside4)},
		"IPv6":                             {tunnelled(0x86dd, inside6), agentReasonREASON_DECAPSULATED, ether(0x86dd, 0, inside6)},
		"behind a tag":                     {ether(0x0800, 1, good), agentReasonREASON_DECAPSULATED, ether(0x0800, 1, inside4)},
		"IPv6 behind two":                  {ether(0x0800, 2, inner4(edge, here, 47, gre(0x86dd, inside6))), agentReasonREASON_DECAPSULATED, ether(0x86dd, 2, inside6)},
		"with padding":                     {append(ether(0x0800, 0, good), make([]byte, 6)...), agentReasonREASON_DECAPSULATED, append(ether(0x0800, 0, inside4), make([]byte, 6)...)},
		"no tunnel":                        {ether(0x0800, 0, inside4), agentReasonREASON_OTHER, nil},
		"to another host":                  {ether(0x0800, 0, inner4(stranger, "192.0.2.3", 47, gre(0x0800, inside4))), agentReasonREASON_OTHER, nil},
		"no IP":                            {ether(0x0806, 0, make([]byte, 28)), agentReasonREASON_OTHER, nil},
		"behind three tags":                {ether(0x0800, 3, good), agentReasonREASON_OTHER, nil},
		"a header cut short":               {ether(0x0800, 0, good[:19]), agentReasonREASON_OTHER, nil},
		"from an unknown peer":             {ether(0x0800, 0, inner4(stranger, here, 47, gre(0x0800, inside4))), agentReasonREASON_STRANGER, nil},
		"fragmented, from an unknown peer": {ether(0x0800, 0, with(inner4(stranger, here, 47, gre(0x0800, inside4)), 6, 0x20)), agentReasonREASON_STRANGER, nil},
		"the first fragment":               {ether(0x0800, 0, with(good, 6, 0x20)), agentReasonREASON_FRAGMENT, nil},
		"the last fragment":                {ether(0x0800, 0, with(good, 7, 9)), agentReasonREASON_FRAGMENT, nil},
		"do not fragment":                  {ether(0x0800, 0, with(good, 6, 0x40)), agentReasonREASON_DECAPSULATED, ether(0x0800, 0, inside4)},
		"with a key":                       {ether(0x0800, 0, with(good, 20, 0x20)), agentReasonREASON_MALFORMED, nil},
		"of another version":               {ether(0x0800, 0, with(good, 21, 1)), agentReasonREASON_MALFORMED, nil},
		"with IP options":                  {ether(0x0800, 0, with(good, 0, 0x46)), agentReasonREASON_MALFORMED, nil},
		"Ethernet inside":                  {tunnelled(0x6558, ether(0x0800, 0, inside4)), agentReasonREASON_MALFORMED, nil},
		"nothing inside":                   {tunnelled(0x0800, nil), agentReasonREASON_MALFORMED, nil},
		"the frame cut short":              {ether(0x0800, 0, good[:len(good)-1]), agentReasonREASON_MALFORMED, nil},
		"IPv4 cut short":                   {tunnelled(0x0800, inside4[:19]), agentReasonREASON_MALFORMED, nil},
		"IPv4 shorter than it says":        {tunnelled(0x0800, inside4[:len(inside4)-1]), agentReasonREASON_MALFORMED, nil},
		"IPv4 without a whole head":        {tunnelled(0x0800, with(inside4, 0, 0x44)), agentReasonREASON_MALFORMED, nil},
		"IPv6 as IPv4":                     {tunnelled(0x0800, inside6), agentReasonREASON_MALFORMED, nil},
		"IPv6 cut short":                   {tunnelled(0x86dd, inside6[:39]), agentReasonREASON_MALFORMED, nil},
		"IPv6 shorter than it says":        {tunnelled(0x86dd, inside6[:len(inside6)-1]), agentReasonREASON_MALFORMED, nil},
		"IPv4 as IPv6":                     {tunnelled(0x86dd, inner4(client, "198.51.100.10", 17, make([]byte, 40))), agentReasonREASON_MALFORMED, nil},
		"for another host":                 {tunnelled(0x0800, inner4(client, "198.51.101.10", 17, nil)), agentReasonREASON_OUTSIDE, nil},
		"for the agent's own host":         {tunnelled(0x0800, inner4(client, here, 17, nil)), agentReasonREASON_OUTSIDE, nil},
		"for another host, by IPv6":        {tunnelled(0x86dd, inner6("2001:db8::7", "2001:db8:115::10", 17, nil)), agentReasonREASON_OUTSIDE, nil},
	} {
		before := reasonsOf(t, a)
		out := make([]byte, len(c.frame)+256)
		run := ebpf.RunOptions{Data: c.frame, DataOut: out}
		action, err := a.objects.TunnelIn.Run(&run)
		if err != nil {
			t.Fatalf("%s: %v", about, err)
		}
		want := uint32(2) // XDP_PASS
		if Reason(c.why).Action() == scrub.Dropped {
			want = 1
		}
		if c.out == nil {
			c.out = c.frame
		}
		if action != want {
			t.Errorf("%s: action %d, want %d", about, action, want)
		}
		if !bytes.Equal(run.DataOut, c.out) {
			t.Errorf("%s: became\n%x, want\n%x", about, run.DataOut, c.out)
		}
		if got := grown(before, reasonsOf(t, a)); got != Reason(c.why).String() {
			t.Errorf("%s: counted as %q, want %s", about, got, Reason(c.why))
		}
	}
}

func reasonsOf(t *testing.T, a *Agent) map[string]uint64 {
	t.Helper()
	all, err := a.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]uint64)
	for _, tally := range all {
		counts[tally.Reason.String()] = tally.Packets
	}
	return counts
}

// grown names what has been counted since.
func grown(before, after map[string]uint64) string {
	var names []string
	for reason, n := range after {
		for range n - before[reason] {
			names = append(names, reason)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// TestAgentForgets takes a peer and a prefix out of a policy.
func TestAgentForgets(t *testing.T) {
	a := loadedAgent(t, strings.NewReplacer("[192.0.2.1]", "[192.0.2.1, 192.0.2.9]", "24,", "24, 203.0.113.0/24,").Replace(agentPolicy))
	run := func(src, dst string) string {
		before := reasonsOf(t, a)
		frame := ether(0x0800, 0, inner4(src, "192.0.2.2", 47, gre(0x0800, inner4("10.0.0.1", dst, 17, nil))))
		if _, err := a.objects.TunnelIn.Run(&ebpf.RunOptions{Data: frame}); err != nil {
			t.Fatal(err)
		}
		return grown(before, reasonsOf(t, a))
	}
	if got := run("192.0.2.9", "203.0.113.1"); got != "decapsulated" {
		t.Errorf("a peer's packet is counted as %q", got)
	}
	c, err := Parse([]byte(agentPolicy))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(c); err != nil {
		t.Fatal(err)
	}
	if got := run("192.0.2.9", "198.51.100.1"); got != "stranger" {
		t.Errorf("a packet of a former peer is counted as %q", got)
	}
	if got := run("192.0.2.1", "203.0.113.1"); got != "outside" {
		t.Errorf("a packet to a prefix that is no longer protected is counted as %q", got)
	}
	if got := run("192.0.2.1", "198.51.100.1"); got != "decapsulated" {
		t.Errorf("a packet to a prefix that is still protected is counted as %q", got)
	}
}
