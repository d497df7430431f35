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

// LoadToMeasure is Load for benchmarks: no budget of these policies is used up,
// and if fromAll is set every packet seems to come from another source, of all
// there are. Do not attach it.
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
	if err := errors.Join(s.Apply(c), s.lavish()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lavish gives every budget that there is more than any benchmark uses.
func (s *Scrubber) lavish() error {
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

// Measure has the program judge a packet many times, which the packet must
// survive unchanged, and says how long one took.
func (s *Scrubber) Measure(packet []byte, times int) (time.Duration, error) {
	_, each, err := s.objects.Scrub.Benchmark(packet, times, func() {})
	if err != nil {
		return 0, fmt.Errorf("scrub: running the program: %w", err)
	}
	return each, nil
}

// Spent is how long the program has run, and how often, as far as the kernel has
// looked at the clock (KeepTime).
func (s *Scrubber) Spent() (time.Duration, uint64, error) {
	stats, err := s.objects.Scrub.Stats()
	if err != nil {
		return 0, 0, fmt.Errorf("scrub: asking how long the program ran: %w", err)
	}
	return stats.Runtime, stats.RunCount, nil
}

// KeepTime has the kernel look at the clock before and after each run of any
// program, which costs as much as a short one.
func KeepTime() (stop io.Closer, err error) {
	stop, err = ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("scrub: having the kernel keep time of programs: %w", err)
	}
	return stop, nil
}
