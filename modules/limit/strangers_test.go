package limit

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// TestReduced: at each level a limit keeps its share of rate and burst, and at level 0 all of
// it, so that it takes as long as before to refill.
func TestReduced(t *testing.T) {
	of := &counters.Limit{Interval: 5 * time.Millisecond, Burst: 600}
	all := reduced(of, (*shop.Table)(&shop.DefaultMeasures), ofSubnet)()
	for level, want := range [shop.Levels]struct {
		perSecond float64
		burst     int64
	}{{200, 600}, {100, 300}, {50, 150}, {24, 72}, {10, 30}} {
		if got := time.Second.Seconds() / all[level].Interval.Seconds(); got < want.perSecond*.999 || got > want.perSecond*1.001 || all[level].Burst != want.burst {
			t.Errorf("level %d: %.1f/s, burst %d, want %v", level, got, all[level].Burst, want)
		}
	}
}

// TestSuspiciousAsBefore: at level 0 a client is suspicious with less than a quarter of its
// limit left, whatever the burst.
func TestSuspiciousAsBefore(t *testing.T) {
	used := int64(shop.DefaultMeasures[shop.Calm].Suspicious)
	for _, burst := range []int64{1, 2, 3, 5, 60, 480, 481, maxBurst} {
		if got := burst * (100 - used) / 100; got != burst/4 {
			t.Errorf("burst %d: suspicious below %d, want %d", burst, got, burst/4)
		}
	}
}
