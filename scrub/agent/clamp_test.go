//go:build linux

package agent

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// tcpSum is zero if the checksum of a segment is right.
func tcpSum(segment, src, dst []byte) uint16 {
	sum := uint32(6 + len(segment))
	for _, part := range [][]byte{src, dst, segment} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// TestAgentClamps has segments leave: what they ask for after that, and whether
// their checksum is right.
func TestAgentClamps(t *testing.T) {
	const server4, server6, client4, client6 = "198.51.100.10", "2001:db8:114::10", "203.0.113.7", "2001:db8::7"
	mss := func(n uint16) []byte { return binary.BigEndian.AppendUint16([]byte{2, 4}, n) }
	options := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	usual := []byte{4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}
	const syn, synAck, ack = lab.SYN, lab.SYN | lab.ACK, lab.ACK
	a := loadedAgent(t, agentPolicy)
	for about, c := range map[string]struct {
		v6      bool
		from    string // default: the server
		flags   uint8
		options []byte
		at      int    // of the value, from the TCP header on
		want    uint16 // there; 0: nothing changes
		why     string
	}{
		"SYN-ACK":                   {false, "", synAck, options(mss(1460), usual), 22, 1436, "clamped"},
		"SYN":                       {false, "", syn, options(mss(1460), usual), 22, 1436, "clamped"},
		"SYN-ACK of IPv6":           {true, "", synAck, options(mss(1440), usual), 22, 1416, "clamped"},
		"behind other options":      {false, "", synAck, options(usual, mss(8960)), 38, 1436, "clamped"},
		"across words":              {false, "", synAck, options([]byte{1}, mss(1460), []byte{1, 1, 1}), 23, 1436, "clamped"},
		"across words of IPv6":      {true, "", synAck, options([]byte{1, 1, 1}, mss(65535), []byte{0}), 25, 1416, "clamped"},
		"behind all room there is":  {false, "", synAck, options(bytes.Repeat([]byte{1}, 36), mss(1460)), 58, 1436, "clamped"},
		"just as much":              {false, "", synAck, mss(1436), 22, 0, "fits"},
		"less":                      {false, "", synAck, mss(536), 22, 0, "fits"},
		"none":                      {false, "", synAck, usual, 0, 0, "fits"},
		"no options":                {false, "", synAck, nil, 0, 0, "fits"},
		"behind the end":            {false, "", synAck, options([]byte{0, 1, 1, 1}, mss(1460)), 0, 0, "fits"},
		"of another length":         {false, "", synAck, []byte{2, 3, 5, 180}, 0, 0, "fits"},
		"an option of length zero":  {false, "", synAck, options([]byte{3, 0, 1, 1}, mss(1460)), 0, 0, "fits"},
		"an option beyond the end":  {false, "", synAck, []byte{3, 200, 2, 4}, 0, 0, "fits"},
		"cut short":                 {false, "", synAck, []byte{1, 1, 2, 4}, 0, 0, "fits"},
		"no SYN":                    {false, "", ack, options(mss(1460), usual), 0, 0, ""},
		"of another host":           {false, "192.0.2.77", synAck, options(mss(1460), usual), 0, 0, ""},
		"of another host's IPv6":    {true, "2001:db8:115::1", synAck, options(mss(1440), usual), 0, 0, ""},
		"of a neighbour's, in IPv6": {true, "2001:db8:114:1::1", synAck, options(mss(1440), usual), 0, 0, ""},
	} {
		for tags := range 3 {
			before := reasonsOf(t, a)
			ip, kind, outer := 20, uint16(0x0800), lab.Layer(lab.IPv4{Src: netip.MustParseAddr(or(c.from, server4)), Dst: netip.MustParseAddr(client4)})
			if c.v6 {
				ip, kind, outer = 40, 0x86dd, lab.IPv6{Src: netip.MustParseAddr(or(c.from, server6)), Dst: netip.MustParseAddr(client6)}
			}
			packet := lab.Build(outer, lab.TCP{Flags: c.flags, Options: c.options}).Bytes
			frame := ether(kind, tags, packet)
			run := ebpf.RunOptions{Data: frame, DataOut: make([]byte, len(frame)+256)}
			action, err := a.objects.TunnelBack.Run(&run)
			if err != nil {
				t.Fatalf("%s: %v", about, err)
			}
			if next := ^uint32(0); action != next { // TCX_NEXT
				t.Errorf("%s: action %d", about, int32(action))
			}
			tcp := run.DataOut[14+4*tags+ip:]
			src, dst := packet[12:16], packet[16:20]
			if c.v6 {
				src, dst = packet[8:24], packet[24:40]
			}
			if sum := tcpSum(tcp, src, dst); sum != 0 {
				t.Errorf("%s: the checksum is wrong by %x", about, sum)
			}
			if c.want == 0 && !bytes.Equal(run.DataOut, frame) {
				t.Errorf("%s: became\n%x, want\n%x", about, run.DataOut, frame)
			}
			if c.want != 0 {
				if got := binary.BigEndian.Uint16(tcp[c.at:]); got != c.want {
					t.Errorf("%s: asks for %d, want %d", about, got, c.want)
				}
				// But for the value and the checksum nothing is another.
				copy(tcp[c.at:], c.options[c.at-20:][:2])
				copy(tcp[16:], packet[ip+16:][:2])
				if !bytes.Equal(run.DataOut, frame) {
					t.Errorf("%s: something else became another:\n%x, was\n%x", about, run.DataOut, frame)
				}
			}
			if got := grown(before, reasonsOf(t, a)); got != c.why {
				t.Errorf("%s: counted as %q, want %q", about, got, c.why)
			}
		}
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// TestAgentLeavesClampingToOthers, if that is its policy.
func TestAgentLeavesClampingToOthers(t *testing.T) {
	a := loadedAgent(t, agentPolicy+"no_clamp: true\n")
	frame := ether(0x0800, 0, lab.Build(
		lab.IPv4{Src: lab.Centre4, Dst: netip.MustParseAddr("203.0.113.7")}, lab.TCP{Flags: lab.SYN, Options: []byte{2, 4, 5, 180}}).Bytes)
	run := ebpf.RunOptions{Data: frame, DataOut: make([]byte, 256)}
	if _, err := a.objects.TunnelBack.Run(&run); err != nil || !bytes.Equal(run.DataOut, frame) {
		t.Errorf("became %x, want %x: %v", run.DataOut, frame, err)
	}
}

func TestAgentPolicies(t *testing.T) {
	for about, c := range map[string]struct{ from, to, want string }{
		"no interfaces":         {"interfaces: [lo]", "", "interfaces is missing"},
		"no local address":      {"local: [192.0.2.2]", "", "local is missing"},
		"no peers":              {"peers: [192.0.2.1]", "", "peers is missing"},
		"nothing protected":     {`protect: [198.51.100.0/24, "2001:db8:114::/64"]`, "", "protect is missing"},
		"everything protected":  {"198.51.100.0/24", "0.0.0.0/0", "protect: 0.0.0.0/0 covers all addresses"},
		"the tunnel's own end":  {"198.51.100.0/24", "192.0.2.0/24", "protect: 192.0.2.0/24 contains 192.0.2.2, an endpoint of tunnels"},
		"a peer that is itself": {"[192.0.2.1]", "[192.0.2.2]", "192.0.2.2 is both in peers and in local"},
		"a tunnel over IPv6":    {"[192.0.2.1]", `["2001:db8::1"]`, "2001:db8::1: endpoints of tunnels must be IPv4 addresses"},
		"too small":             {"interfaces", "mtu: 1300\ninterfaces", "mtu is 1300"},
		"a word it does not know": {
			"interfaces", "mtuu: 1500\ninterfaces", "field mtuu not found",
		},
	} {
		if _, err := Parse([]byte(strings.Replace(agentPolicy, c.from, c.to, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", about, err, c.want)
		}
	}
	c, err := Parse([]byte(agentPolicy))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.clamps(); got != (agentConfig{Mss4: 1436, Mss6: 1416}) || len(c.Egress) != 1 || c.Egress[0] != "lo" {
		t.Errorf("the defaults are %+v and %v", got, c.Egress)
	}
}
