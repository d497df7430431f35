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

// clock translates between time and the clock of scrub.c, which counts the
// kernel's ticks.
type clock struct {
	tick  time.Duration
	ahead time.Duration // what it shows more than the monotonic clock
}

// farthest is as far as a time is told apart from later ones: beyond it the
// clock's numbers would begin anew.
const farthest = 100 * 365 * 24 * time.Hour

// at is a time as scrub.c shows it; never 0, which is none.
func (c clock) at(t time.Time) uint64 {
	return uint64(max(1, now()+c.ahead+min(farthest, time.Until(t))))
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

// rates are the numbers of ticks a second that kernels are built with.
var rates = []float64{100, 250, 300, 1000}

// readClock finds out how long a tick is. Two looks at both clocks, each right to
// a tick, tell the rates apart.
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
	c.ahead = time.Duration(last.Ticks)*c.tick - time.Duration(last.Ns)
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
