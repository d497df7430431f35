package scrub

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
)

const (
	routedPolicy = `
interfaces: [internet]
policies:
  - name: centre
    protect: [198.51.100.0/24, "2001:db8:114::/64"]
    tcp: [80]
    udp: [5000]
    tunnel: {from: 10.0.4.1, to: 10.0.4.2}
`
	routedBudgets = `    budgets: {syn: 50/s, syn_net: 50/s, out_of_state: 50/s, unverified: 100/s, unverified_source: unlimited}
`
	routedOff = `    mode: "off"
`
)

// What is meant for the data centre ends before the tunnel; with the scrubber
// off all of it goes through.
func TestFloodsEndBeforeTheTunnel(t *testing.T) {
	y := newYard(t)
	s := y.protect(t, routedPolicy+routedBudgets)
	// The edge's stack has to know its neighbour, or the tunnel leads nowhere.
	if _, err := y.Edge.Dial(t.Context(), netip.AddrPort{}, "tcp", "10.0.4.2:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("the data centre does not refuse a connection: %v", err)
	}
	throughTunnel := func(send func()) uint64 {
		before, err := y.ReachedCentre()
		if err != nil {
			t.Fatal(err)
		}
		send()
		after, err := y.ReachedCentre()
		if err != nil {
			t.Fatal(err)
		}
		return after.Since(before).Links
	}
	for _, v := range lab.RoutedVectors() {
		t.Run("on/"+v.Name, func(t *testing.T) {
			before := tallies(t, s)
			var sent lab.Burst
			through := throughTunnel(func() { sent = y.send(t, v, burstRate, burstTime/2) })
			counted, arrived := since(tallies(t, s), before), sent.Packets-sent.Lost
			if n := counted[v.Reason]; float64(n) < 0.99*float64(arrived) {
				t.Errorf("%d of %d are counted as %s; counted are %v", n, arrived, v.Reason, counted)
			}
			if v.Bounded && through > arrived/100 || !v.Bounded && counted["forwarded"] > 0 {
				t.Errorf("%d of %d went through the tunnel; counted are %v", through, arrived, counted)
			}
			t.Logf("%.0f a second, %v each, %d lost, %d went through; counted are %v", sent.PerSecond(), sent.PerPacket(), sent.Lost, through, counted)
		})
	}
	y.apply(t, s, routedPolicy+routedOff)
	for _, v := range lab.RoutedVectors() {
		t.Run("off/"+v.Name, func(t *testing.T) {
			var sent lab.Burst
			through := throughTunnel(func() { sent = y.send(t, v, 50_000, 200*time.Millisecond) })
			if float64(through) < 0.99*float64(sent.Packets-sent.Lost) {
				t.Errorf("%d of %d went through, want all", through, sent.Packets-sent.Lost)
			}
		})
	}
}
