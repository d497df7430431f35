//go:build linux

package scrub

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// clock translates between times and the clock of scrub.c, which counts the ticks
// of the kernel.
type clock struct {
	tick   time.Duration
	offset time.Duration // by which it is ahead of the monotonic clock
}

// horizon is the farthest time that the clock can show. Later ones are cut to it,
// since the clock would wrap around.
const horizon = 100 * 365 * 24 * time.Hour

// at is the time on the clock of scrub.c. It is never 0, which means none.
func (c clock) at(t time.Time) uint64 {
	return uint64(max(1, now()+c.offset+min(horizon, time.Until(t))))
}

// time is the reverse.
func (c clock) time(shown uint64) time.Time {
	return time.Now().Add(time.Duration(shown) - c.offset - now())
}

// now is the kernel's monotonic clock.
func now() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // never fails
	return time.Duration(ts.Nano())
}

// rates are the ticks per second with which kernels are built.
var rates = []float64{100, 250, 300, 1000}

// readClock finds out how long a tick is: two readings of both clocks, each accurate
// to a tick, tell the rates apart.
func (s *Scrubber) readClock() (clock, error) {
	first, err := s.compareClocks()
	if err != nil {
		return clock{}, err
	}
	time.Sleep(100 * time.Millisecond)
	last, err := s.compareClocks()
	if err != nil {
		return clock{}, err
	}
	seen := float64(last.Ticks-first.Ticks) / time.Duration(last.Ns-first.Ns).Seconds()
	rate := slices.MinFunc(rates, func(a, b float64) int { return cmp.Compare(math.Abs(a-seen), math.Abs(b-seen)) })
	c := clock{tick: time.Duration(float64(time.Second) / rate)}
	c.offset = time.Duration(last.Ticks)*c.tick - time.Duration(last.Ns)
	return c, nil
}

// compareClocks reads both clocks at the same time.
func (s *Scrubber) compareClocks() (t kernelTimes, err error) {
	if _, err = s.objects.CompareClocks.Run(&ebpf.RunOptions{Data: make([]byte, 64)}); err == nil {
		err = s.objects.BothClocks.Lookup(uint32(0), &t)
	}
	if err != nil {
		return t, fmt.Errorf("scrub: reading the kernel's clocks: %w", err)
	}
	return t, nil
}
