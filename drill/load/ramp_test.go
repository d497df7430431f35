package load

import (
	"math"
	"testing"
	"time"
)

// A ramp sends as many requests as lie under its line, within one tick's worth.
func TestRamp(t *testing.T) {
	for about, c := range map[string]struct {
		ramp *Ramp
		at   time.Duration
		want float64
	}{
		"no ramp":        {&Ramp{To: 500}, 2 * time.Second, 1000},
		"rising":         {&Ramp{From: 100, To: 3000, Over: 3 * time.Second}, 3 * time.Second, 4650},
		"then level":     {&Ramp{From: 100, To: 3000, Over: 3 * time.Second}, 5 * time.Second, 10650},
		"from zero":      {&Ramp{From: 0, To: 200, Over: 2 * time.Second}, time.Second, 50},
		"falling":        {&Ramp{From: 400, To: 200, Over: 2 * time.Second}, 2 * time.Second, 600},
		"falling to nil": {&Ramp{From: 400, To: 0, Over: 2 * time.Second}, 9 * time.Second, 400},
		"the same":       {&Ramp{From: 300, To: 300, Over: time.Second}, 2 * time.Second, 600},
	} {
		if got := c.ramp.Due(c.at); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: due after %s: %g, want %g", about, c.at, got, c.want)
		}
		var elapsed time.Duration
		hits := uint64(0)
		for {
			wait, _ := c.ramp.Pace(elapsed, hits)
			if elapsed += wait; elapsed > c.at {
				break
			}
			hits++
		}
		if slack := c.ramp.Rate(c.at)*tick.Seconds() + 1; math.Abs(float64(hits)-c.want) > slack || c.ramp.missed > 0 {
			t.Errorf("%s: %d requests, %d missed, want %g and none", about, hits, c.ramp.missed, c.want)
		}
	}
}

// After a stall the ramp goes on at its rate, and says how much it left out.
func TestRampAfterAStall(t *testing.T) {
	r := Ramp{To: 1000}
	if wait, _ := r.Pace(time.Second, 0); wait > tick {
		t.Errorf("late, it waits %s more", wait)
	}
	if got := r.missed; got != 900 { // all but those of the last 100 ms
		t.Errorf("%d missed, want 900", got)
	}
	if wait, _ := r.Pace(time.Second, 100); wait == 0 {
		t.Error("it sends more at once than it may be late with")
	}
	if wait, _ := new(Ramp).Pace(time.Second, 0); wait < time.Minute {
		t.Errorf("a rate of zero sends after %s", wait)
	}
}
