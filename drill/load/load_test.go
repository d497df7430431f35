package load

import (
	"testing"
	"time"
)

// TestPace: a load sends what its rate says, and no more after a time in which the machine
// had no time for it.
func TestPace(t *testing.T) {
	const lasts = 10 * time.Second
	for _, rate := range []int{1, 2, 7, 50, 100, 199, 200, 201, 333, 8000, MaxRate} {
		for name, stall := range map[string]time.Duration{"on time": 0, "stalled": 3 * time.Second} {
			var hits uint64
			var latest time.Duration // between when a request was due and when it was sent
			for elapsed := time.Duration(0); ; hits++ {
				wait, stop := paced(rate).Pace(elapsed, hits)
				if stop || wait < 0 {
					t.Fatalf("%d/s: wait %s, stop %v", rate, wait, stop)
				}
				elapsed += wait
				if hits == 2 {
					elapsed += stall
				}
				if elapsed >= lasts {
					break
				}
				latest = max(latest, elapsed-time.Duration(hits+1)*time.Second/time.Duration(rate))
			}
			if want := uint64(rate) * uint64(lasts/time.Second); hits != want {
				t.Errorf("%d/s, %s: %d requests, want %d", rate, name, hits, want)
			}
			if latest > stall+tick {
				t.Errorf("%d/s, %s: a request is %s late", rate, name, latest)
			}
		}
	}
	if wait, stop := paced(Unpaced).Pace(time.Hour, 1<<40); wait != 0 || stop {
		t.Errorf("unpaced: wait %s, stop %v", wait, stop)
	}
}
