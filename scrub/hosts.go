//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// Protected addresses stand in tables of buckets, see scrub.c.
const (
	buckets  = 16384
	bucket   = len(kernelHosts4{}.Host)
	maxHosts = 4096 // for more, no seed may be found
)

// singles counts the prefixes that are one address.
func singles(prefixes map[netip.Prefix]string) (n int) {
	for p := range prefixes {
		if p.IsSingleIP() {
			n++
		}
	}
	return n
}

// bucketOf is where scrub.c looks for an address.
func bucketOf(addr netip.Addr, seed uint64) uint32 {
	w := words(addr)
	folded := uint64(w[0])
	if addr.Is6() {
		folded = (uint64(w[0])<<32|uint64(w[1]))*31 + (uint64(w[3])<<32 | uint64(w[2]))
	}
	return uint32(uint64(uint32(folded^folded>>32))*seed>>32) % buckets
}

// findSeed finds a seed by which no bucket overflows.
func findSeed(hosts map[netip.Addr]uint32) (uint64, error) {
	for range 1000 {
		seed, full := rand.Uint64()|1, false
		four, six := make(map[uint32]int), make(map[uint32]int)
		for addr := range hosts {
			counts := four
			if addr.Is6() {
				counts = six
			}
			i := bucketOf(addr, seed)
			counts[i]++
			full = full || counts[i] > bucket
		}
		if !full {
			return seed, nil
		}
	}
	return 0, errors.New("scrub: the protected addresses do not fit into their tables; protect prefixes instead of single addresses")
}

// writeHosts fills the half of the tables that is not in force, and returns the
// seed that finds what is in it.
func (s *Scrubber) writeHosts(c *Config, bank uint32, numbers map[string]uint32) (seed uint64, err error) {
	hosts := make(map[netip.Addr]uint32)
	for _, p := range c.Policies {
		for _, prefix := range p.Protect {
			if prefix.IsSingleIP() {
				hosts[prefix.Addr()] = numbers[p.Name]
			}
		}
	}
	if seed, err = findSeed(hosts); err != nil {
		return 0, err
	}
	four, six := make([]kernelHosts4, buckets), make([]kernelHosts6, buckets)
	used4, used6 := make([]int, buckets), make([]int, buckets)
	for addr, policy := range hosts {
		i, w := bucketOf(addr, seed), words(addr)
		if addr.Is4() {
			four[i].Host[used4[i]].Addr, four[i].Host[used4[i]].Policy = w[0], policy
			used4[i]++
			continue
		}
		six[i].Host[used6[i]].Addr, six[i].Host[used6[i]].Policy = w, policy
		used6[i]++
	}
	before, now := s.used[bank], make(map[uint32]bool)
	for i := range uint32(buckets) {
		if used4[i]+used6[i] > 0 {
			now[i] = true
		} else if before != nil && !before[i] {
			continue // was empty, and stays so
		}
		if err := errors.Join(s.objects.Homes4.Put(bank*buckets+i, four[i]), s.objects.Homes6.Put(bank*buckets+i, six[i])); err != nil {
			return 0, fmt.Errorf("scrub: writing the protected addresses: %w", err)
		}
	}
	s.used[bank] = now
	return seed, nil
}
