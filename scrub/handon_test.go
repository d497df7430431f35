//go:build linux

package scrub

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/shop"
)

// ringPolicy has the shop at three edges. This one knows the way to the second.
const ringPolicy = `
sample: 1
hand_on: {self: ` + wayFrom + `, ring: [10.9.0.3, ` + wayFrom + `, ` + wayTo + `], mode: on}
policies:
  - {name: shop, protect: [203.0.113.10, "2001:db8:113::10"], tcp: [80, 8443], budgets: {out_of_state: unlimited}}
  - {name: seen, protect: [203.0.113.12], mode: monitor, tcp: [80]}
`

// needsWindow has the reasons that packets have only while a window is open, which
// the tests of this file are about.
var needsWindow = []string{"handed_on", "unclaimed"}

// window opens a window for an hour.
func (h *harness) window(w Window) {
	h.Helper()
	w.Until = time.Now().Add(time.Hour)
	if err := h.SetWindow(w); err != nil {
		h.Fatal(err)
	}
}

// handed is a packet that an edge hands to another, for the nth time.
func handed(from, to string, hops uint32, inner []byte) []byte {
	gre := []byte{0x20, 0, 0x08, 0}
	if inner[0]>>4 == 6 {
		gre = []byte{0x20, 0, 0x86, 0xdd}
	}
	gre = binary.BigEndian.AppendUint32(gre, 0x68616e00|hops)
	outer := lab.IPv4{Src: addr(from), Dst: addr(to), Fragment: 0x4000, Protocol: 47}
	return lab.Build(lab.Ethernet{Dst: [6]byte(wayMAC), Src: [6]byte(homeMAC)}, outer, lab.Payload(slices.Concat(gre, inner))).Bytes
}

// older is an IP packet one hop later.
func older(packet []byte) []byte {
	packet = slices.Clone(packet)
	if packet[0]>>4 == 6 {
		packet[7]--
		return packet
	}
	packet[8]--
	copy(packet[10:], []byte{0, 0})
	binary.BigEndian.PutUint16(packet[10:], checksum(packet[:20]))
	return packet
}

// wants judges a packet, and checks its reason and the bytes that leave.
func (h *harness) wants(name, reason string, packet, leaves []byte) {
	h.Helper()
	j := h.judge(packet)
	if j.reason.String() != reason || j.action != actionOf(j.reason) {
		h.Errorf("%s: %s with action %d, want %s", name, j.reason, j.action, reason)
	}
	if leaves != nil && !bytes.Equal(j.bytes, leaves) {
		h.Errorf("%s: leaves as\n%x, want\n%x", name, j.bytes, leaves)
	}
}

// TestStraysAreHandedOn: a segment of no connection goes to the next edge while a
// window is open, and all else has the fate that it has without one.
func TestStraysAreHandedOn(t *testing.T) {
	h := newHarness(t, ringPolicy)
	h.listen()
	to := func(port uint16, flags uint8) lab.TCP {
		s := segment(flags)
		s.To = port
		return s
	}
	strays := [][]byte{
		ip4(lab.IPv4{}, segment(lab.ACK)), ip6(lab.IPv6{}, segment(lab.ACK)), ip4(lab.IPv4{}, to(8443, lab.ACK)),
		ip4(lab.IPv4{}, segment(lab.FIN|lab.ACK)), ip6(lab.IPv6{}, segment(lab.PSH|lab.ACK), lab.Payload("GET")),
		lab.Build(wire, lab.VLAN{ID: 7}, lab.IPv4{Src: client4, Dst: shop4}, segment(lab.ACK)).Bytes,
	}
	for _, stray := range strays {
		h.wants("a stray while no window is open", "clean", stray, stray)
	}
	h.window(Window{Next: addr(wayTo)})
	for _, stray := range strays {
		h.wants("a stray", "handed_on", stray, handed(wayFrom, wayTo, 1, older(l3(stray))))
	}
	for name, packet := range map[string][]byte{
		"a SYN": ip4(lab.IPv4{}, shopSYN), "a RST": ip4(lab.IPv4{}, segment(lab.RST)), "a RST of IPv6": ip6(lab.IPv6{}, segment(lab.RST|lab.ACK)),
		"a first fragment": ip4(lab.IPv4{Fragment: lab.MoreFragments}, segment(lab.ACK)),
	} {
		if j := h.judge(packet); j.reason.String() == "handed_on" {
			t.Errorf("%s is handed on", name)
		}
	}
	seen := h.judge(four(client4.String(), "203.0.113.12", segment(lab.ACK)))
	if seen.reason.String() != "clean" || seen.watched.String() != "handed_on" {
		t.Errorf("a policy that only counts: %s, watched %s", seen.reason, seen.watched)
	}
	h.window(Window{Next: addr("10.9.0.3")})
	h.wants("no way to the next edge", "unclaimed", strays[0], nil)
	h.window(Window{Next: addr(wayTo), Rate: shop.Rate{Events: 1, Per: time.Minute}})
	h.wants("the first one of a minute", "handed_on", strays[0], nil)
	h.wants("above the window's rate", "unclaimed", strays[0], strays[0])
	if err := h.SetWindow(Window{}); err != nil {
		t.Fatal(err)
	}
	h.wants("a stray after the window", "clean", strays[0], strays[0])
	h.window(Window{Next: addr(wayTo)})
	if err := h.SetWindow(Window{Next: addr(wayTo), Until: time.Now().Add(-time.Second)}); err != nil {
		t.Fatal(err)
	}
	h.wants("a window that has ended by itself", "clean", strays[0], strays[0])
}

// TestConnectionsOfThisHostStay: what a connection or a cookie of this host has is
// not handed on.
func TestConnectionsOfThisHostStay(t *testing.T) {
	h := newHarness(t, ringPolicy)
	h.listen()
	h.window(Window{Next: addr(wayTo)})
	var local, remote netip.AddrPort
	h.in(func() error {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.2.0.10:0"))}
		conn, err := d.DialContext(context.Background(), "tcp", "203.0.113.10:80")
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			local, remote = netip.MustParseAddrPort(conn.LocalAddr().String()), netip.MustParseAddrPort(conn.RemoteAddr().String())
		}
		return err
	})
	ack := segment(lab.ACK)
	ack.From = local.Port()
	own := four(local.Addr().String(), remote.Addr().String(), ack)
	h.wants("a segment of a connection", "clean", own, own)
	ack.From++
	h.wants("the same of another port", "handed_on", four(local.Addr().String(), remote.Addr().String(), ack), nil)
	ack.From--
	h.wants("a segment that comes back to its edge", "clean", handed(wayTo, wayFrom, 2, l3(own)), slices.Concat([]byte(wayMAC), []byte(homeMAC), []byte{8, 0}, l3(own)))
}

// TestOtherEdgesHandOn: what other edges hand on is unwrapped and judged as any
// packet is; what is not quite that stays as it is, or is dropped.
func TestOtherEdgesHandOn(t *testing.T) {
	h := newHarness(t, ringPolicy)
	h.listen()
	h.window(Window{Next: addr(wayTo)})
	stray4, stray6 := l3(ip4(lab.IPv4{}, segment(lab.ACK))), l3(ip6(lab.IPv6{}, segment(lab.ACK)))
	bare := func(inner []byte) []byte {
		kind := []byte{8, 0}
		if inner[0]>>4 == 6 {
			kind = []byte{0x86, 0xdd}
		}
		return slices.Concat(wayMAC, homeMAC, kind, inner)
	}
	for _, stray := range [][]byte{stray4, stray6} {
		h.wants("handed on before", "handed_on", handed(wayTo, wayFrom, 1, stray), handed(wayFrom, wayTo, 2, older(stray)))
		h.wants("at its last edge", "unclaimed", handed("10.9.0.3", wayFrom, 2, stray), bare(stray))
		h.wants("beyond", "unclaimed", handed("10.9.0.3", wayFrom, 7, stray), bare(stray))
	}
	syn := l3(ip4(lab.IPv4{}, shopSYN))
	h.wants("a SYN", "clean", handed(wayTo, wayFrom, 1, syn), bare(syn))
	nested := l3(handed(wayTo, wayFrom, 1, stray4))
	other := handed(wayTo, wayFrom, 1, stray4)
	binary.BigEndian.PutUint32(other[14+24:], 1)
	plain := handed(wayTo, wayFrom, 1, stray4)
	plain[14+20] = 0
	for name, c := range map[string]struct {
		packet []byte
		reason string
	}{
		"from a stranger":          {handed("10.9.0.4", wayFrom, 1, stray4), "unprotected"},
		"from itself":              {handed(wayFrom, wayFrom, 1, stray4), "land"},
		"to another address":       {handed(wayTo, "10.9.0.9", 1, stray4), "unprotected"},
		"never handed on":          {handed(wayTo, wayFrom, 0, stray4), "unprotected"},
		"with a key of its own":    {other, "unprotected"},
		"without a key":            {plain, "unprotected"},
		"to what is not protected": {handed(wayTo, wayFrom, 1, l3(four("192.0.2.1", "198.51.100.1", segment(lab.ACK)))), "malformed"},
		"UDP":                      {handed(wayTo, wayFrom, 1, l3(ip4(lab.IPv4{}, lab.UDP{From: 4, To: 5}))), "malformed"},
		"a fragment":               {handed(wayTo, wayFrom, 1, l3(ip4(lab.IPv4{Fragment: lab.MoreFragments}, segment(lab.ACK)))), "malformed"},
		"wrapped twice":            {handed(wayTo, wayFrom, 1, nested), "malformed"},
		"cut short":                {handed(wayTo, wayFrom, 1, stray4[:30]), "malformed"},
	} {
		leaves := c.packet
		if c.reason == "malformed" {
			leaves = nil
		}
		h.wants(name, c.reason, c.packet, leaves)
	}
}

// TestHandOnEnds has a segment go around the ring: no edge has its connection, and
// each but the last hands it on.
func TestHandOnEnds(t *testing.T) {
	h := newHarness(t, ringPolicy)
	h.window(Window{Next: addr(wayTo)})
	packet, hops := ip4(lab.IPv4{}, segment(lab.ACK)), uint32(0)
	for ; hops < 10; hops++ {
		j := h.judge(packet)
		if j.reason.String() != "handed_on" {
			break
		}
		packet = handed(wayTo, wayFrom, hops+1, l3(j.bytes)[28:])
	}
	if hops != 2 {
		t.Errorf("a segment was handed on %d times by 3 edges", hops)
	}
}
