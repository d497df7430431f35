package load

import (
	"slices"
	"testing"
	"time"
)

// The watchdog names the seconds in which the generator did not run, and no others.
func TestWatchdog(t *testing.T) {
	begin := time.Unix(1000, 0)
	w := &Watchdog{begin: begin}
	at := func(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct{ before, now int }{
		{0, 20}, {20, 60}, {980, 1010}, // a little late
		{2500, 2700},        // 180 ms late
		{3900, 5100},        // over a second
		{2700, 2740},        // not again
		{-500, -100},        // before the begin
		{7000, 7000 + 119},  // just in time
		{8000, 8000 + 4*30}, // too late
	} {
		w.woke(at(c.before), at(c.now))
	}
	if !slices.Equal(w.late, []int{2, 3, 4, 5, 8}) {
		t.Errorf("late in seconds %v, want 2 to 5 and 8", w.late)
	}
	if w.worst != 1180*time.Millisecond {
		t.Errorf("late by %s at worst, want 1.18s", w.worst)
	}
}
