//go:build linux

package scrub

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/shop"
)

// TestWindowLastsOverReloads: a policy file that is put in force leaves the window
// open, and one without a ring closes it.
func TestWindowLastsOverReloads(t *testing.T) {
	h := newHarness(t, ringPolicy)
	stray := ip4(lab.IPv4{}, segment(lab.ACK))
	apply := func(policy string) {
		t.Helper()
		c, err := Parse([]byte(policy))
		if err != nil {
			t.Fatal(err)
		}
		h.in(func() error { return h.Apply(c) })
	}
	h.window(Window{Next: addr("10.9.0.3"), Rate: shop.Rate{Events: 1, Per: time.Minute}})
	apply(ringPolicy)
	if w, err := h.Window(); err != nil || w.Next != addr("10.9.0.3") || time.Until(w.Until) < 50*time.Second {
		t.Errorf("the window after a reload is %+v, %v", w, err)
	}
	apply(strings.Replace(ringPolicy, "10.9.0.3, ", "", 1))
	if w, err := h.Window(); err != nil || w.Next != addr(wayTo) {
		t.Errorf("the window without the next edge is %+v, %v", w, err)
	}
	h.wants("a stray", "handed_on", stray, nil)
	h.wants("a second one in a minute", "unclaimed", stray, nil)
	apply(strings.Replace(ringPolicy, "mode: on}", "}", 1))
	if j := h.judge(stray); j.reason.String() != "clean" || j.watched.String() != "handed_on" {
		t.Errorf("monitored is %s, watched %s", j.reason, j.watched)
	}
	apply(strings.Replace(ringPolicy, "hand_on:", "# ", 1))
	if w, err := h.Window(); err != nil || !w.Until.IsZero() {
		t.Errorf("the window without a ring is %+v, %v", w, err)
	}
	if err := h.SetWindow(Window{}); err != ErrNoRing {
		t.Errorf("a window without a ring: %v", err)
	}
}

func TestRings(t *testing.T) {
	for ring, want := range map[string]string{
		"{self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.2]}":                               "",
		"{self: 10.0.0.1, ring: [10.0.0.1]}":                                         "ring has 1 edges: want 2 to 8",
		"{self: 10.0.0.3, ring: [10.0.0.1, 10.0.0.2]}":                               "self must be one",
		"{self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.1]}":                               "duplicate edge",
		`{self: 10.0.0.1, ring: [10.0.0.1, "2001:db8::1"]}`:                          "want an IPv4 address",
		"{self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.2], hops: 2}":                      "hops is 2: want 1 to 1",
		"{self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.2], mode: \"off\"}":                `mode is "off"`,
		"{self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.2], max_window: 2h}":               "max_window is 2h0m0s",
		"{self: 10.0.0.1, ring: [10.0.0.1, 10.0.0.2], rate: 100/s, max_window: 90s}": "",
	} {
		c, err := Parse([]byte("hand_on: " + ring))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", ring, err, want)
		}
		if err == nil && (c.HandOn.Mode != HandOnMonitor || c.HandOn.Hops != 1 || c.HandOn.Rate.Events == 0) {
			t.Errorf("%s is read as %+v", ring, c.HandOn)
		}
	}
	h := HandOn{Self: addr("10.0.0.3"), Ring: []netip.Addr{addr("10.0.0.1"), addr("10.0.0.2"), addr("10.0.0.3")}}
	if next := h.Next(); next != addr("10.0.0.1") {
		t.Errorf("behind the last edge is %s", next)
	}
	if next := h.Next(addr("10.0.0.1")); next != addr("10.0.0.2") {
		t.Errorf("without the first it is %s", next)
	}
	if next := h.Next(addr("10.0.0.1"), addr("10.0.0.2")); next.IsValid() {
		t.Errorf("without both it is %s", next)
	}
}

// BenchmarkHandOn is what one packet costs as the kernel measures it, each run with
// cold caches: a stray while no window is open, one that is handed on, and one that
// has been at every edge.
func BenchmarkHandOn(b *testing.B) {
	h := newHarness(b, strings.NewReplacer("sample: 1", "sample: 1073741824", "mode: on", "mode: on, rate: 1000000/s",
		"out_of_state: unlimited", "out_of_state: unlimited, unverified_source: unlimited").Replace(ringPolicy))
	stop, err := KeepTime()
	if err != nil {
		b.Fatal(err)
	}
	defer stop.Close()
	stray := ip4(lab.IPv4{}, segment(lab.ACK))
	for _, c := range []struct {
		name, reason string
		packet       []byte
	}{{"no window", "clean", stray}, {"handed on", "handed_on", stray}, {"at its last edge", "unclaimed", handed(wayTo, wayFrom, 2, l3(stray))}} {
		b.Run(c.name, func(b *testing.B) {
			if c.reason != "clean" {
				h.window(Window{Next: addr(wayTo)})
			}
			before, runs, err := h.Spent()
			if err != nil {
				b.Fatal(err)
			}
			h.in(func() error {
				for b.Loop() {
					if _, err := h.objects.Scrub.Run(&ebpf.RunOptions{Data: c.packet, Repeat: 1}); err != nil {
						return err
					}
				}
				return nil
			})
			after, now, err := h.Spent()
			if err != nil {
				b.Fatal(err)
			}
			if counted := h.tallied()["shop "+c.reason].Packets; counted < uint64(b.N) {
				b.Errorf("%d of %d packets are %s", counted, b.N, c.reason)
			}
			b.ReportMetric(float64(after-before)/float64(now-runs), "ns/packet")
		})
	}
}
