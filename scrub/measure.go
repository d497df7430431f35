//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// LoadToMeasure is Load for benchmarks: no budget of the policies runs out, and if
// fromAll is set every packet seems to come from another source. Do not attach it.
func LoadToMeasure(pins string, c *Config, fromAll bool) (*Scrubber, error) {
	spec, err := loadKernel()
	if err == nil {
		err = spec.Variables[kernelVarRandomSources].Set(fromAll)
	}
	if err != nil {
		return nil, fmt.Errorf("scrub: preparing the program for a benchmark: %w", err)
	}
	s, err := load(pins, spec)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.Apply(c), s.unlimitBudgets()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// unlimitBudgets gives every budget more than any benchmark uses.
func (s *Scrubber) unlimitBudgets() error {
	for i := range s.objects.Policies.MaxEntries() {
		var p kernelPolicy
		if err := s.objects.Policies.Lookup(i, &p); err != nil {
			return fmt.Errorf("scrub: reading the policies: %w", err)
		}
		for b := range p.Budgets {
			if p.Budgets[b].PerTick > 0 {
				p.Budgets[b] = kernelRate{PerTick: math.MaxUint32, Burst: math.MaxUint32}
			}
		}
		if err := s.objects.Policies.Put(i, p); err != nil {
			return fmt.Errorf("scrub: writing the policies: %w", err)
		}
	}
	return nil
}

// Measure runs the program on a packet many times, and returns the mean time of a
// run. The packet must leave unchanged.
func (s *Scrubber) Measure(packet []byte, times int) (time.Duration, error) {
	_, each, err := s.objects.Scrub.Benchmark(packet, times, func() {})
	if err != nil {
		return 0, fmt.Errorf("scrub: running the program: %w", err)
	}
	return each, nil
}

// Spent is how long the program has run, and how often, while KeepTime was on.
func (s *Scrubber) Spent() (time.Duration, uint64, error) {
	stats, err := s.objects.Scrub.Stats()
	if err != nil {
		return 0, 0, fmt.Errorf("scrub: reading the run time of the program: %w", err)
	}
	return stats.Runtime, stats.RunCount, nil
}

// KeepTime makes the kernel measure each run of every BPF program, which costs as
// much as a short run.
func KeepTime() (stop io.Closer, err error) {
	stop, err = ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("scrub: enabling run-time statistics of BPF programs: %w", err)
	}
	return stop, nil
}
