//go:build linux

package scrub

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Tallies are all counts since the dataplane was first loaded, without those that
// are zero.
func (s *Scrubber) Tallies() ([]Tally, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Tally
	perCPU := make([]kernelTally, ebpf.MustPossibleCPU())
	for i, policy := range s.policies {
		if policy == "" {
			continue
		}
		for r := range Reasons {
			if err := s.objects.Tallies.Lookup(uint32(i*Reasons+r), &perCPU); err != nil {
				return nil, fmt.Errorf("scrub: reading the counts: %w", err)
			}
			sum := Tally{Policy: policy, Reason: Reason(r)}
			for _, t := range perCPU {
				sum.Packets += t.Packets
				sum.Bytes += t.Bytes
				sum.Watched += t.Watched
			}
			if sum.Packets+sum.Watched > 0 {
				all = append(all, sum)
			}
		}
	}
	return all, nil
}
