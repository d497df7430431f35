package lab

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Bare is how long the least of all XDP programs takes, by as many runs.
func (l *Lab) Bare(packet []byte, times int) (time.Duration, error) {
	_, each, err := l.gun.programs.Drop.Benchmark(packet, times, func() {})
	if err != nil {
		return 0, fmt.Errorf("running the least program: %w", err)
	}
	return each, nil
}

// BareSpent is how long that program has run, and how often, as Spent of a
// scrubber is.
func (l *Lab) BareSpent() (time.Duration, uint64, error) {
	stats, err := l.gun.programs.Drop.Stats()
	if err != nil {
		return 0, 0, fmt.Errorf("asking how long the least program ran: %w", err)
	}
	return stats.Runtime, stats.RunCount, nil
}

// Deafen has the edge take no packets that are fired at it: what is left is what
// firing costs.
func (l *Lab) Deafen() error {
	return l.Edge.Do(func() error { return setFeature(ToInternet, setGRO, 0) })
}

// stayHere keeps this thread on the first processor that it may use.
func stayHere() (leave func(), err error) {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return nil, fmt.Errorf("asking which processors there are: %w", err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return nil, fmt.Errorf("staying on one processor: %w", err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &all) }, nil
}
