//go:build linux

package scrub

import (
	"fmt"
	"math"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// clock translates between time and the clock of scrub.c, which counts the
// kernel's ticks.
type clock struct {
	tick  time.Duration
	ahead time.Duration // what it shows more than the monotonic clock
}

// at is a time as scrub.c shows it; never 0, which is none.
func (c clock) at(t time.Time) uint64 {
	return uint64(max(1, now()+c.ahead+time.Until(t)))
}

// time is the reverse.
func (c clock) time(shown uint64) time.Time {
	return time.Now().Add(time.Duration(shown) - c.ahead - now())
}

// now is the kernel's monotonic clock.
func now() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // never fails
	return time.Duration(ts.Nano())
}

// readClock finds out how long a tick is: from one tick to another, some 50 ms
// later.
func (s *Scrubber) readClock() (clock, error) {
	first, err := s.nextTick()
	if err != nil {
		return clock{}, err
	}
	time.Sleep(50 * time.Millisecond)
	last, err := s.nextTick()
	if err != nil {
		return clock{}, err
	}
	hz := math.Round(float64(last.Ticks-first.Ticks) * 1e9 / float64(last.Ns-first.Ns))
	c := clock{tick: time.Duration(1e9 / hz)}
	c.ahead = time.Duration(last.Ticks)*c.tick - time.Duration(last.Ns)
	return c, nil
}

// nextTick waits for the kernel's next tick, which is no more than 10 ms away.
func (s *Scrubber) nextTick() (t kernelTimes, err error) {
	packet := make([]byte, 64)
	for began := time.Now(); time.Since(began) < time.Second; {
		before := t.Ticks
		if _, err = s.objects.CompareClocks.Run(&ebpf.RunOptions{Data: packet}); err == nil {
			err = s.objects.BothClocks.Lookup(uint32(0), &t)
		}
		if err != nil {
			return t, fmt.Errorf("scrub: reading the kernel's clocks: %w", err)
		}
		if before != 0 && t.Ticks != before {
			return t, nil
		}
	}
	return t, fmt.Errorf("scrub: the kernel's ticks stand still at %d", t.Ticks)
}
