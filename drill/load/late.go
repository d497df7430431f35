package load

import (
	"slices"
	"sync"
	"time"
)

// A Watchdog says when the generator itself had no time: it wants to wake up at each
// tick, as a load does, and notes the seconds in which it woke up much too late.
// Then the generator was the limit, and not its target.
type Watchdog struct {
	begin time.Time
	end   chan struct{}
	done  sync.WaitGroup

	late  []int
	worst time.Duration
}

// tooLate is by how much a tick may be late. Requests that are later than that are
// missed, see Ramp.
const tooLate = maxLate

// Watch begins to watch; seconds are counted from begin.
func Watch(begin time.Time) *Watchdog {
	w := &Watchdog{begin: begin, end: make(chan struct{})}
	w.done.Go(func() {
		ticks := time.NewTicker(4 * tick)
		defer ticks.Stop()
		for before := time.Now(); ; {
			select {
			case <-w.end:
				return
			case <-ticks.C:
				now := time.Now()
				w.woke(before, now)
				before = now
			}
		}
	})
	return w
}

// woke notes that a tick came.
func (w *Watchdog) woke(before, now time.Time) {
	late := now.Sub(before) - 4*tick
	w.worst = max(w.worst, late)
	if late < tooLate || now.Before(w.begin) {
		return
	}
	// All seconds from when it should have woken up to when it did.
	for s := max(0, int(before.Sub(w.begin)/time.Second)); s <= int(now.Sub(w.begin)/time.Second); s++ {
		if !slices.Contains(w.late, s) {
			w.late = append(w.late, s)
		}
	}
}

// Stop ends watching and returns the seconds in which the generator was the limit,
// and by how much it was late at worst.
func (w *Watchdog) Stop() (late []int, worst time.Duration) {
	close(w.end)
	w.done.Wait()
	return w.late, w.worst
}
