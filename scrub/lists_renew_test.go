//go:build linux

package scrub

import (
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// inUse is how much memory is.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestRenewingCostsNoMemory: an edge renews its bans for as long as a flood
// lasts.
func TestRenewingCostsNoMemory(t *testing.T) {
	s := loaded(t, "interfaces: [lo]\n")
	prefix, now := netip.MustParsePrefix("192.0.2.7/32"), time.Now()
	before := inUse()
	for i := range 50_000 {
		if err := s.Deny(Entry{Prefix: prefix, Until: now.Add(time.Hour + time.Duration(i)*time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	if grown := inUse() - before; grown > 1<<20 {
		t.Errorf("one entry that was renewed takes %d KiB", grown>>10)
	}
}

// TestFarEndsAreNotOver: what ends in a thousand years holds now, what ended
// long ago does not.
func TestFarEndsAreNotOver(t *testing.T) {
	s := loaded(t, "interfaces: [lo]\n")
	for until, want := range map[time.Time]bool{
		time.Now().Add(time.Hour):                    true,
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC):  true,
		time.Unix(1<<62, 0):                          true,
		time.Now().Add(-time.Hour):                   false,
		time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC): false,
	} {
		if err := s.Deny(Entry{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Until: until}); err != nil {
			t.Fatal(err)
		}
		denied, err := s.Denied()
		if err != nil || len(denied) != 1 {
			t.Fatalf("denied are %v, %v", denied, err)
		}
		if got := denied[0].Until.After(time.Now()); got != want {
			t.Errorf("until %v: the kernel has %v, in force %t, want %t", until, denied[0].Until, got, want)
		}
	}
}
