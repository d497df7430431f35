package lab

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// MeasureDrop is the mean time of a run of the cheapest XDP program.
func (l *Lab) MeasureDrop(packet []byte, times int) (time.Duration, error) {
	_, each, err := l.generator.programs.Drop.Benchmark(packet, times, func() {})
	if err != nil {
		return 0, fmt.Errorf("running the drop program: %w", err)
	}
	return each, nil
}

// DropSpent is how long that program has run, and how often, as Spent of a scrubber
// is.
func (l *Lab) DropSpent() (time.Duration, uint64, error) {
	stats, err := l.generator.programs.Drop.Stats()
	if err != nil {
		return 0, 0, fmt.Errorf("reading the run time of the drop program: %w", err)
	}
	return stats.Runtime, stats.RunCount, nil
}

// StopReceiving makes the edge receive no packets of the generator: what is left is the
// cost of sending.
func (l *Lab) StopReceiving() error {
	return l.Edge.Do(func() error { return setFeature(ToInternet, setGRO, 0) })
}

// pinToCPU keeps this thread on the first CPU that it may use.
func pinToCPU() (leave func(), err error) {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return nil, fmt.Errorf("reading the CPU affinity: %w", err)
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return nil, fmt.Errorf("pinning the thread to a CPU: %w", err)
	}
	return func() { _ = unix.SchedSetaffinity(0, &all) }, nil
}
