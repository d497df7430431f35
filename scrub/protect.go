//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/theriac-edge/theriac/scrub/prefixmap"
)

// writeHosts fills the bank of the tables that is not in force, and returns the seed
// of its buckets.
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
	four, six := make([]kernelHostBucket4, buckets), make([]kernelHostBucket6, buckets)
	used4, used6 := make([]int, buckets), make([]int, buckets)
	for addr, policy := range hosts {
		i, w := bucketOf(addr, seed), addrWords(addr)
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
		if err := errors.Join(s.objects.Hosts4.Put(bank*buckets+i, four[i]), s.objects.Hosts6.Put(bank*buckets+i, six[i])); err != nil {
			return 0, fmt.Errorf("scrub: writing the protected addresses: %w", err)
		}
	}
	s.used[bank] = now
	return seed, nil
}

// addNets makes the protected prefixes point to their policies, before these are in
// force: until then, single addresses of the old file are found first.
func (s *Scrubber) addNets(c *Config, numbers map[string]uint32) error {
	for _, p := range c.Policies {
		for _, prefix := range p.Protect {
			if prefix.IsSingleIP() {
				continue
			}
			d := kernelDestination{Policy: numbers[p.Name], Mask: maskOf(prefix.Prefix)}
			if err := s.nets(prefix.Addr()).Put(prefixmap.Key(prefix.Prefix), d); err != nil {
				return fmt.Errorf("scrub: protecting %s: %w", prefix, err)
			}
		}
	}
	return nil
}

// pruneNets removes the prefixes that are no longer protected.
func (s *Scrubber) pruneNets(c *Config) error {
	wanted := make(map[netip.Prefix]bool)
	for _, p := range c.Policies {
		for _, prefix := range p.Protect {
			wanted[prefix.Prefix] = true
		}
	}
	for _, m := range []*ebpf.Map{s.objects.Nets4, s.objects.Nets6} {
		prefixes, err := prefixmap.List(m)
		if err != nil {
			return err
		}
		for _, prefix := range prefixes {
			if wanted[prefix] {
				continue
			}
			if err := m.Delete(prefixmap.Key(prefix)); err != nil {
				return fmt.Errorf("scrub: no longer protecting %s: %w", prefix, err)
			}
		}
	}
	return nil
}

// nets is the map of protected prefixes of an address's family.
func (s *Scrubber) nets(addr netip.Addr) *ebpf.Map {
	if addr.Is4() {
		return s.objects.Nets4
	}
	return s.objects.Nets6
}

// checkPrefixRoom rejects more prefixes than the tries hold. While a file replaces
// another, the tries hold the prefixes of both.
func (s *Scrubber) checkPrefixRoom(c *Config) error {
	for _, m := range []*ebpf.Map{s.objects.Nets4, s.objects.Nets6} {
		there, err := prefixmap.List(m)
		if err != nil {
			return err
		}
		all := make(map[netip.Prefix]bool)
		for _, prefix := range there {
			all[prefix] = true
		}
		for prefix := range c.protected() {
			if s.nets(prefix.Addr()) == m {
				all[prefix] = true
			}
		}
		if most := int(m.MaxEntries()); len(all) > most {
			return fmt.Errorf("scrub: at most %d protected prefixes per family are possible, those in force and new ones together, "+
				"and there would be %d; protect wider ones, or remove old ones from the file first", most, len(all))
		}
	}
	return nil
}
