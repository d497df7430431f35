//go:build linux

package scrub

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/test/need"
)

// budgetPolicy has one budget of 200/s; all others have no end.
func budgetPolicy(budget string) string {
	var all []string
	for _, b := range []string{"syn", "syn_net", "out_of_state", "unverified", "unverified_net", "icmp", "icmp_error", "quic_initial", "fragment", "verified_source", "unverified_source"} {
		rate := "unlimited"
		if b == budget {
			rate = "200/s"
		}
		all = append(all, b+": "+rate)
	}
	return `
sample: 1
policies:
  - {name: shop, protect: [203.0.113.0/24, "2001:db8:113::/64", 198.51.100.10, "2001:db8:c::10"], tcp: [80, 8443], udp: [5000], quic: [443], budgets: {` + strings.Join(all, ", ") + `}}
`
}

// burst sends a packet again and again, and counts those that pass, and those
// that leave for another reason. take is how long that took.
func (h *harness) burst(n int, packet func(i int) []byte, reason string) (passed int, take time.Duration) {
	h.Helper()
	h.in(func() error {
		began := time.Now()
		for i := range n {
			j, err := h.run(packet(i))
			if err != nil {
				return err
			}
			switch j.reason.String() {
			case "clean":
				passed++
			case reason, "syncookie_refresh":
			default:
				return fmt.Errorf("packet %d left for %s, want clean or %s", i, j.reason, reason)
			}
		}
		take = time.Since(began)
		return nil
	})
	return passed, take
}

// TestBudgetsRunOutAndFillAgain: a budget allows a second's worth at once, then
// its rate, and others of its kind go on.
func TestBudgetsRunOutAndFillAgain(t *testing.T) {
	need.Time(t)
	datagram := []lab.Layer{lab.UDP{From: 40000, To: 5000}, lab.Payload("x")}
	stray := lab.TCP{From: 40000, To: 8443, Flags: lab.ACK}
	same, net := func(int) string { return "10" }, func(i int) string { return fmt.Sprint(20 + i%80) }
	for _, c := range []struct {
		budget, reason string
		layers         []lab.Layer
		to             func(i int) string // ends of addresses
		next           string             // one that has a budget of its own
	}{
		{"syn", "syn_cookie", []lab.Layer{shopSYN}, same, "203.0.113.11 2001:db8:113::11"},
		{"syn_net", "syn_cookie", []lab.Layer{shopSYN}, net, "198.51.100.10 2001:db8:c::10"},
		{"out_of_state", "out_of_state", []lab.Layer{stray}, same, "203.0.113.11 2001:db8:113::11"},
		{"unverified", "rate_dst", datagram, same, "203.0.113.11 2001:db8:113::11"},
		{"unverified_net", "rate_dst_net", datagram, net, "198.51.100.10 2001:db8:c::10"},
		{"icmp", "icmp", []lab.Layer{lab.ICMP{Type: 8}}, same, "203.0.113.11 2001:db8:113::11"},
		{"icmp_error", "icmp", nil, net, "198.51.100.10 2001:db8:c::10"},
		{"quic_initial", "quic", []lab.Layer{lab.UDP{From: 40000, To: 443}, quicPacket(0xc0, 1, 1200)}, same, "203.0.113.11 2001:db8:113::11"},
		{"fragment", "fragment", nil, same, "203.0.113.11 2001:db8:113::11"},
		{"unverified_source", "rate_unverified", datagram, same, ""},
	} {
		h := newHarness(t, budgetPolicy(c.budget))
		for _, v6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s v6=%t", c.budget, v6), func(t *testing.T) {
				build := func(from, to netip.Addr) []byte {
					switch {
					case c.budget == "icmp" && v6:
						return ip6(lab.IPv6{Src: from, Dst: to}, lab.ICMP{Type: 128})
					case c.budget == "icmp_error" && v6:
						return ip6(lab.IPv6{Src: from, Dst: to}, lab.ICMP{Type: 2, Value: 1400}, lab.Payload(ip6(lab.IPv6{Src: to, Dst: client6}, segment(lab.ACK))[14:]))
					case c.budget == "icmp_error":
						return ip4(lab.IPv4{Src: from, Dst: to}, lab.ICMP{Type: 3, Code: 4, Value: 1400}, lab.Payload(ip4(lab.IPv4{Src: to, Dst: client4}, segment(lab.ACK))[14:]))
					case c.budget == "fragment" && v6:
						return ip6(lab.IPv6{Src: from, Dst: to}, lab.Extension{Kind: 44, Next: 17, Body: []byte{1, 0, 0, 0, 0, 7}}, lab.Payload("x"))
					case c.budget == "fragment":
						return ip4(lab.IPv4{Src: from, Dst: to, Fragment: 32, Protocol: 17}, lab.Payload("x"))
					case v6:
						return ip6(lab.IPv6{Src: from, Dst: to}, c.layers...)
					}
					return ip4(lab.IPv4{Src: from, Dst: to}, c.layers...)
				}
				packet := func(i int) []byte {
					if v6 {
						return build(netip.Addr{}, addr("2001:db8:113::"+c.to(i)))
					}
					return build(netip.Addr{}, addr("203.0.113."+c.to(i)))
				}
				within := func(what string, passed, least int, take time.Duration) {
					t.Helper()
					most := least + int(200*take.Seconds()) + 10 // the program's clock is some milliseconds coarse
					if passed < least || passed > most {
						t.Errorf("%s: %d passed, want %d to %d", what, passed, least, most)
					}
				}
				passed, take := h.burst(600, packet, c.reason)
				began := time.Now() // from now on it fills again
				within("at first", passed, 200, take)

				next := func(i int) []byte { // a destination, or for unverified sources many sources, with budgets of their own
					var dest4, dest6 string
					if _, err := fmt.Sscan(c.next, &dest4, &dest6); err == nil && v6 {
						return build(netip.Addr{}, addr(dest6))
					} else if err == nil {
						return build(netip.Addr{}, addr(dest4))
					}
					if v6 {
						return build(addr(fmt.Sprintf("2a00:9:%x::1", i)), shop6)
					}
					return build(netip.AddrFrom4([4]byte{100, 99, byte(i), 1}), shop4)
				}
				if passed, _ := h.burst(100, next, c.reason); passed != 100 {
					t.Errorf("of others only %d of 100 passed", passed)
				}
				time.Sleep(200 * time.Millisecond)
				passed, _ = h.burst(600, packet, c.reason)
				within("after a while", passed, 35, time.Since(began)-175*time.Millisecond)
			})
		}
	}
}

// TestUnverifiedSourcesNeedTwoEmptyCells: a source that shares one cell with one that
// sends too much is not mistaken for it; one that shares both is.
func TestUnverifiedSourcesNeedTwoEmptyCells(t *testing.T) {
	h := newHarness(t, budgetPolicy("unverified_source"))
	settings, err := h.settings()
	if err != nil {
		t.Fatal(err)
	}
	cells := func(a netip.Addr) (one, two uint64) { // the finish of MurmurHash3
		n := sourceOf(a) ^ settings.Key[0]
		n = (n ^ n>>33) * 0xff51afd7ed558ccd
		n = (n ^ n>>33) * 0xc4ceb9fe1a85ec53
		n ^= n >> 33
		size := uint64(h.objects.SourceCells.MaxEntries())
		return n % size, (n >> 32) % size
	}
	from := func(a netip.Addr) func(int) []byte {
		return func(int) []byte {
			return ip4(lab.IPv4{Src: a}, lab.UDP{From: 40000, To: 5000}, lab.Payload("x"))
		}
	}
	one, two := cells(client4)
	alike := [2]netip.Addr{} // sharing one cell with the client
	for a := addr("100.96.0.0"); !alike[0].IsValid() || !alike[1].IsValid(); a = a.Next() {
		switch first, second := cells(a); {
		case first == one && second != two && second != one:
			alike[0] = a
		case second == two && first != one && first != two:
			alike[1] = a
		}
	}
	if passed, _ := h.burst(400, from(client4), "rate_unverified"); passed == 400 {
		t.Fatal("one source has no bound")
	}
	for _, a := range alike {
		if passed, _ := h.burst(100, from(a), "rate_unverified"); passed != 100 {
			t.Errorf("%d of 100 passed, since another one sends too much", passed)
		}
	}
}

// TestVerifiedSourcesHaveABucketEach: exactly a second's worth, however many
// others there are, and none is full again since another CPU's clock is ahead.
func TestVerifiedSourcesHaveABucketEach(t *testing.T) {
	h := newHarness(t, budgetPolicy("verified_source"))
	for _, source := range []netip.Addr{client4, client6, addr("100.64.1.2"), addr("2a00:1:2:4::1")} {
		h.verify(source, 0, 0)
		packet := func(int) []byte {
			if source.Is6() {
				return ip6(lab.IPv6{Src: source}, segment(lab.ACK))
			}
			return ip4(lab.IPv4{Src: source}, segment(lab.ACK))
		}
		passed, take := h.burst(500, packet, "rate_verified")
		if most := 200 + int(200*take.Seconds()) + 2; passed < 200 || passed > most {
			t.Errorf("%s: %d passed, want 200 to %d", source, passed, most)
		}
		const ahead = 900 * time.Millisecond // of TICKS_AHEAD, a good second
		began := time.Now()
		h.verify(source, 0, h.shown()+ahead)
		if passed, _ := h.burst(1, packet, "rate_verified"); passed > 0 && time.Since(began) < ahead {
			t.Errorf("%s: a bucket that another CPU has emptied later is full", source)
		}
	}
}

// TestOpenConnectionsProveTheirSource: what belongs to a connection passes a
// flood of packets without a connection, and only an open one verifies its source.
func TestOpenConnectionsProveTheirSource(t *testing.T) {
	h := newHarness(t, goldenPolicy)
	h.listen()
	h.change("shop", spent(kernelBudgetBUDGET_OUT_OF_STATE))
	for _, c := range []struct{ client, shop netip.Addr }{{addr("10.2.0.10"), shop4}, {addr("fd00:2::10"), shop6}} {
		var conn net.Conn
		h.in(func() (err error) {
			d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.client, 0))}
			conn, err = d.Dial("tcp", netip.AddrPortFrom(c.shop, 80).String())
			return err
		})
		defer conn.Close()
		ack := segment(lab.ACK)
		build := func(port uint16) []byte {
			ack.From = port
			if c.client.Is6() {
				return ip6(lab.IPv6{Src: c.client}, ack)
			}
			return ip4(lab.IPv4{Src: c.client}, ack)
		}
		port := conn.LocalAddr().(*net.TCPAddr).AddrPort().Port()
		if reason := h.judge(build(port + 1)).reason.String(); reason != "bad_cookie" || h.has(c.client) {
			t.Errorf("%s, from beside the connection's port: %s, and verifies the source: %t", c.client, reason, h.has(c.client))
		}
		if reason := h.judge(build(port)).reason.String(); reason != "clean" || !h.has(c.client) {
			t.Errorf("%s, on its connection: %s, and verifies the source: %t", c.client, reason, h.has(c.client))
		}
	}
}
