package sample

import (
	"testing"
	"time"
)

func TestClockSet(t *testing.T) {
	now := time.Now()
	for _, by := range []time.Duration{-time.Hour, 0, 5 * time.Minute} {
		set := ClockSet(now, by)
		if got := set.Round(0).Sub(now.Round(0)); got != by {
			t.Errorf("the time of day is set by %s, want %s", got, by)
		}
		if got := set.Sub(now); got != 0 {
			t.Errorf("set by %s, the monotonic clock goes %s further", by, got)
		}
	}
}
