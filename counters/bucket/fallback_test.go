package bucket

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/sample"
)

// TestFallback walks through a loss of the store with three live edges.
func TestFallback(t *testing.T) {
	type step struct {
		at   time.Duration // since the loss
		take int
		want int
	}
	for _, test := range []struct {
		name   string
		burst  int64
		before int // taken before the loss
		steps  []step
	}{
		{"a third of the burst, then a third of the rate", 30, 0, []step{{0, 50, 10}, {3100 * time.Millisecond, 50, 1}, {33 * time.Second, 50, 10}}},
		{"of what was left, a third", 30, 15, []step{{0, 50, 5}}},
		{"what was used up stays used up", 30, 30, []step{{0, 50, 0}, {1100 * time.Millisecond, 9, 0}, {3100 * time.Millisecond, 9, 1}}},
		{"a burst too small to share is one", 2, 0, []step{{0, 9, 1}, {3100 * time.Millisecond, 9, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, lim, key := unreached(t, 4<<20), &Limit{Interval: time.Second, Burst: test.burst}, sample.Key(test.name)
			start := time.Now()
			r.tier.Assume(false, 3)
			for range test.before {
				r.Take(key, lim, start)
			}
			r.tier.Assume(true, 3)
			for i, s := range test.steps {
				got := 0
				for range s.take {
					d := r.Take(key, lim, start.Add(s.at))
					if d.Allowed() {
						got++
					} else if d.Wait > time.Minute {
						t.Errorf("step %d: the wait is %s", i, d.Wait)
					}
				}
				if got != s.want {
					t.Errorf("step %d: got %d tokens, want %d", i, got, s.want)
				}
			}
		})
	}
}
