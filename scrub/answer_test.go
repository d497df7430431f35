//go:build linux

package scrub

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// An answer is a TCP segment that the program has sent back.
type answer struct {
	src, dst         netip.Addr
	hops             uint8
	sport, dport     uint16
	seq, ack         uint32
	flags            uint8
	options          []byte
	ipSum, tcpSum    uint16 // both are 0 if they are right
	turned, complete bool   // Ethernet goes back; the lengths are those of the frame
}

// readAnswer reads an answer without options of IP.
func readAnswer(frame []byte) (a answer) {
	ip := l3(frame)
	a.turned = [6]byte(frame) == wire.Src && [6]byte(frame[6:]) == wire.Dst
	var tcp, pseudo []byte
	if ip[0] == 0x45 {
		a.src, a.dst = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
		a.hops, a.ipSum, tcp = ip[8], checksum(ip[:20]), ip[20:]
		a.complete = int(binary.BigEndian.Uint16(ip[2:])) == len(ip) && ip[9] == 6
		pseudo = slices.Concat(ip[12:20], []byte{0, 6})
	} else {
		a.src, a.dst = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
		a.hops, tcp = ip[7], ip[40:]
		a.complete = int(binary.BigEndian.Uint16(ip[4:])) == len(tcp) && ip[6] == 6
		pseudo = slices.Concat(ip[8:40], []byte{0, 6})
	}
	a.tcpSum = checksum(binary.BigEndian.AppendUint16(pseudo, uint16(len(tcp))), tcp)
	a.sport, a.dport = binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint16(tcp[2:])
	a.seq, a.ack, a.flags = binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:]), tcp[13]
	a.options = tcp[20:]
	a.complete = a.complete && int(tcp[12]>>4)*4 == len(tcp)
	return a
}

// goesBack complains if an answer is not one to the client's SYN.
func (a answer) goesBack(t *testing.T, v6 bool) {
	t.Helper()
	client, shop := client4, a.src
	if v6 {
		client = client6
	}
	if a.dst != client || a.src != shop || a.sport != 80 || a.dport != shopSYN.From || a.flags != lab.SYN|lab.ACK || a.hops != 64 ||
		a.ipSum != 0 || a.tcpSum != 0 || !a.turned || !a.complete {
		t.Errorf("the answer is %+v", a)
	}
}

// asks builds the client's packet to an address, in the family asked for.
func asks(v6 bool, dest4, dest6 string, l lab.TCP) []byte {
	if v6 {
		return ip6(lab.IPv6{Dst: addr(dest6)}, l)
	}
	return ip4(lab.IPv4{Dst: addr(dest4)}, l)
}

// proof has a client prove its address to the data centre.
func (h *harness) proof(t *testing.T, v6 bool) {
	source := client4
	if v6 {
		source = client6
	}
	was := h.change("centre", spent(kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_OUT_OF_STATE))
	defer h.change("centre", func(p *kernelPolicy) { *p = was })
	defer h.unverify(source)
	ask := func(l lab.TCP) judged {
		t.Helper()
		return h.judge(asks(v6, "198.51.100.10", "2001:db8:c::10", l))
	}
	j := ask(shopSYN)
	a := readAnswer(j.bytes)
	if j.reason.String() != "syn_auth" || a.seq != 0 || len(a.options) > 0 || a.ack == shopSYN.Seq+1 {
		t.Errorf("%s, %+v; the answer is to have a number that the client does not expect", j.reason, a)
	}
	a.goesBack(t, v6)

	rst := lab.TCP{From: shopSYN.From, To: 80, Seq: a.ack, Flags: lab.RST}
	for name, wrong := range map[string]lab.TCP{
		"another number": {From: rst.From, To: 80, Seq: a.ack + 1, Flags: lab.RST},
		"another port":   {From: rst.From + 1, To: 80, Seq: a.ack, Flags: lab.RST},
		"no RST":         {From: rst.From, To: 80, Seq: a.ack, Flags: lab.ACK},
	} {
		if j := ask(wrong); j.reason.String() != "out_of_state" || h.has(source) {
			t.Errorf("%s: %s, and verifies the source: %t", name, j.reason, h.has(source))
		}
	}
	before := h.tallied()
	if j := ask(rst); j.reason.String() != "syn_auth_rst" || j.action != actionOf(j.reason) || !h.has(source) {
		t.Errorf("%s, action %d, verifies the source: %t", j.reason, j.action, h.has(source))
	}
	if got := h.tallied()["centre syn_auth_rst"].Packets - before["centre syn_auth_rst"].Packets; got != 1 {
		t.Errorf("counted %d times", got)
	}
	if j := ask(shopSYN); j.reason.String() != "forwarded" {
		t.Errorf("the next SYN: %s", j.reason)
	}
}

// cookie takes a client through a cookie.
func (h *harness) cookie(t *testing.T, v6 bool) {
	source, mss := client4, uint16(1460)
	if v6 {
		source, mss = client6, 1440
	}
	was := h.change("shop", spent(kernelBudgetBUDGET_SYN, kernelBudgetBUDGET_OUT_OF_STATE))
	defer h.change("shop", func(p *kernelPolicy) { *p = was })
	defer h.unverify(source)
	ask := func(l lab.TCP) judged {
		t.Helper()
		return h.judge(asks(v6, shop4.String(), shop6.String(), l))
	}
	for _, c := range []struct {
		name      string
		wants     []byte // options of the SYN
		sack      bool
		wscale    byte // 15: none
		timestamp []byte
	}{
		{"all options", shopSYN.Options, true, 7, []byte{1, 2, 3, 4}},
		{"no SACK", []byte{2, 4, 5, 0xb4, 1, 3, 3, 14, 1, 1, 8, 10, 9, 9, 9, 9, 0, 0, 0, 0}, false, 14, []byte{9, 9, 9, 9}},
		{"a scale beyond what there is", []byte{3, 3, 200, 1, 8, 10, 9, 9, 9, 9, 0, 0, 0, 0, 1, 1}, false, 14, []byte{9, 9, 9, 9}},
		{"timestamps alone", []byte{1, 1, 8, 10, 9, 9, 9, 9, 0, 0, 0, 0}, false, 15, []byte{9, 9, 9, 9}},
		{"no timestamps", []byte{2, 4, 5, 0xb4, 4, 2, 3, 3, 7, 0, 0, 0}, false, 15, nil},
		{"no options", nil, false, 15, nil},
		{"an option that is longer than the header", []byte{2, 4, 5, 0xb4, 1, 1, 8, 10}, false, 15, nil},
		{"an option of no length", []byte{1, 1, 1, 30, 0, 8, 10, 0}, false, 15, nil},
		{"forty bytes of options", append(slices.Repeat([]byte{1}, 4), append(slices.Clone(shopSYN.Options), make([]byte, 16)...)...), true, 7, []byte{1, 2, 3, 4}},
	} {
		h.remind(false)
		syn := shopSYN
		syn.Options = c.wants
		j := ask(syn)
		if j.reason.String() != "syn_cookie" {
			t.Errorf("%s: %s", c.name, j.reason)
			continue
		}
		a := readAnswer(j.bytes)
		a.goesBack(t, v6)
		if a.ack != syn.Seq+1 {
			t.Errorf("%s: acknowledges %d, want %d", c.name, a.ack, syn.Seq+1)
		}
		want := []byte{2, 4, byte(mss >> 8), byte(mss)}
		if c.timestamp != nil {
			first := []byte{1, 1}
			if c.sack {
				first = []byte{4, 2}
			}
			scale := []byte{1, 1, 1, 1}
			if c.wscale < 15 {
				scale = []byte{1, 3, 3, windowScale()}
			}
			if len(a.options) != 20 {
				t.Errorf("%s: the options are %x", c.name, a.options)
				continue
			}
			value := binary.BigEndian.Uint32(a.options[8:])
			hidden := uint32(c.wscale)
			if c.sack {
				hidden |= 16
			}
			ms := uint32(now() / time.Millisecond)
			if value&63 != hidden || ms-value > 200 {
				t.Errorf("%s: the timestamp is %d, which hides %d, want one of just before %d that hides %d", c.name, value, value&63, ms, hidden)
			}
			want = slices.Concat(want, first, []byte{8, 10}, a.options[8:12], c.timestamp, scale)
		}
		if !slices.Equal(a.options, want) {
			t.Errorf("%s: the options are %x, want %x", c.name, a.options, want)
		}
		ack := lab.TCP{From: syn.From, To: 80, Seq: syn.Seq + 1, Ack: a.seq + 1, Flags: lab.ACK}
		wrong := ack
		wrong.Ack += 1 << 16 // the lowest bits say which MSS the client has
		if j := ask(wrong); j.reason.String() != "bad_cookie" || h.has(source) {
			t.Errorf("%s: a wrong cookie: %s, verifies the source: %t", c.name, j.reason, h.has(source))
		}
		if j := ask(ack); j.reason.String() != "clean" || !h.has(source) {
			t.Errorf("%s: the cookie: %s, verifies the source: %t", c.name, j.reason, h.has(source))
		}
		h.unverify(source)
	}
}

// TestAnswersToOptions: a packet that is answered may have options, where the policy allows
// them. The answer has none, and news of a path quotes what is behind them.
func TestAnswersToOptions(t *testing.T) {
	h := newHarness(t, `
sample: 1
policies:
  - {name: shop, protect: [203.0.113.10, "2001:db8:113::10"], tcp: [80], modes: {options: off}}
  - {name: centre, protect: [198.51.100.10, "2001:db8:c::10"], tcp: [80], modes: {options: off, fragment: off}, tunnel: {from: `+wayFrom+`, to: `+wayTo+`}}
`)
	h.change("shop", spent(kernelBudgetBUDGET_SYN))
	h.remind(false)
	nops := slices.Repeat([]byte{1}, 40)
	padding := lab.Extension{Kind: 60, Body: make([]byte, 14)}
	for _, syn := range [][]byte{ip4(lab.IPv4{Options: nops}, shopSYN), ip6(lab.IPv6{}, padding, shopSYN)} {
		j := h.judge(syn)
		if j.reason.String() != "syn_cookie" {
			t.Errorf("a SYN with options: %s", j.reason)
		}
		readAnswer(j.bytes).goesBack(t, syn[12] == 0x86)
	}
	big, to4, to6 := make(lab.Payload, 1500), addr("198.51.100.10"), addr("2001:db8:c::10")
	part := lab.Extension{Kind: 44, Body: []byte{0, 1, 0, 0, 0, 9}}
	for _, packet := range [][]byte{
		ip4(lab.IPv4{Dst: to4, Options: nops}, segment(lab.ACK), big),
		ip6(lab.IPv6{Dst: to6}, part, padding, segment(lab.ACK), big),
	} {
		j := h.judge(packet)
		if j.reason.String() != "too_big" || !slices.Equal(j.bytes, tooBig(packet)) {
			t.Errorf("a packet with options that is too big: %s,\n%x, want\n%x", j.reason, j.bytes, tooBig(packet))
		}
	}
}
