package life

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestFinish: how long it waits for requests, and when listeners hold.
func TestFinish(t *testing.T) {
	const drain, grace = 5 * time.Second, 10 * time.Second
	for name, c := range map[string]struct {
		lasts, want time.Duration
		left        int64
	}{
		"no request":               {0, 6 * time.Second, 0},
		"one that ends meanwhile":  {5 * time.Second, 6 * time.Second, 0},
		"one that ends afterwards": {9 * time.Second, 9 * time.Second, 0},
		"one that does not end":    {time.Minute, 16 * time.Second, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, begin, held := newLife(), time.Now(), make(chan time.Duration, 1)
			l.onHold(func() { held <- time.Since(begin) })
			left, ok := l.finish(drain, grace, func() int64 {
				if time.Since(begin) < c.lasts {
					return 1
				}
				return 0
			})
			took := time.Since(begin).Round(time.Second)
			if !ok || took != c.want || left != c.left || !l.draining() {
				t.Errorf("%s: %t, %d left after %s, draining %t; want %d after %s", name, ok, left, took, l.draining(), c.left, c.want)
			}
			if after := <-held; after != drain {
				t.Errorf("%s: listeners hold after %s, want %s", name, after, drain)
			}
		})
	}
}

// TestFinishWithoutListener: it does not wait for requests where others may come, and a
// listener that was closed is none.
func TestFinishWithoutListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, begin := newLife(), time.Now()
		l.onHold(func() { t.Error("a closed listener is called") })()
		if _, ok := l.finish(time.Second, time.Minute, func() int64 { return 1 }); ok || time.Since(begin) != time.Second {
			t.Errorf("%t after %s, want false after 1s", ok, time.Since(begin))
		}
	})
}

// TestDrained: an operator begins and ends it.
func TestDrained(t *testing.T) {
	for _, on := range []bool{true, true, false, false} {
		if SetDrained(on); Draining() != on {
			t.Errorf("set to %t: draining %t", on, Draining())
		}
	}
}
