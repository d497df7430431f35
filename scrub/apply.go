//go:build linux

package scrub

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
)

// Apply puts a policy file in force, while packets go on. Each packet is judged by
// the old policies or by the new ones, never by a mixture. If the maps have no room
// for a file, nothing changes.
func (s *Scrubber) Apply(c *Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings, err := s.settings()
	if err != nil {
		return err
	}
	slots, err := s.assignSlots(c, settings.Bank&1)
	if err != nil {
		return err
	}
	bank, numbers := 1-settings.Bank&1, slots.numbers
	if err := s.commit(slots); err != nil {
		return err
	}
	if err := s.writePolicies(c, bank, numbers); err != nil {
		return err
	}
	if settings.Seed[bank], err = s.writeHosts(c, bank, numbers); err != nil {
		return err
	}
	words := c.reflectorBits()
	for i, word := range words {
		if err := s.objects.Reflectors.Put(uint32(i), word); err != nil {
			return fmt.Errorf("scrub: writing the reflectors: %w", err)
		}
	}
	four, six := c.nets()
	settings.Nets4, settings.Nets6 = settings.Nets4|four, settings.Nets6|six
	if err := errors.Join(s.set(settings), s.addNets(c, numbers)); err != nil {
		return err
	}
	settings.Bank, settings.SampleMask, settings.Wscale = bank, c.sampleMask(), windowScale()
	mtu := leastMTU(c.Interfaces)
	settings.Mss4, settings.Mss6 = uint16(mtu-40), uint16(mtu-60)
	settings.Nets4, settings.Nets6 = four, six
	s.handOn, s.cpus = c.HandOn, receivers(c.Interfaces)
	settings.Ring = c.HandOn.ring(settings.Ring, s.clock.at(time.Now()), s.cpus)
	if err := s.set(settings); err != nil {
		return err
	}
	return errors.Join(s.pruneNets(c), s.clearRemoved(numbers), s.syncFileLists(c))
}

// writePolicies fills the bank of policies that is not in force. Policies that the
// file no longer has stay in it, since addresses still point to them.
func (s *Scrubber) writePolicies(c *Config, bank uint32, numbers map[string]uint32) error {
	cpus := receivers(c.Interfaces)
	half := make(map[uint32]kernelPolicy)
	half[0] = c.general()
	for i, name := range s.policies {
		if _, stays := numbers[name]; stays || name == "" {
			continue
		}
		var old kernelPolicy
		if err := s.objects.Policies.Lookup((1-bank)*maxPolicies+uint32(i), &old); err != nil {
			return fmt.Errorf("scrub: reading policy %s: %w", name, err)
		}
		half[uint32(i)] = old
	}
	for _, p := range c.Policies {
		compiled := p.compile(cpus, s.tunnel(p.Tunnel))
		compiled.Mode[kernelReasonREASON_HANDED_ON] = uint8(kernelModes[c.HandOn.mode(p.Mode)])
		half[numbers[p.Name]] = compiled
		if err := s.preinstall(numbers[p.Name], 1-bank, half[numbers[p.Name]]); err != nil {
			return err
		}
	}
	for i := range uint32(maxPolicies) {
		if err := s.objects.Policies.Put(bank*maxPolicies+i, half[i]); err != nil {
			return fmt.Errorf("scrub: writing the policies: %w", err)
		}
	}
	return nil
}

// preinstall writes a new policy into the bank that is in force as well: prefixes
// point to it before the banks are switched.
func (s *Scrubber) preinstall(number, bank uint32, p kernelPolicy) error {
	i := bank*maxPolicies + number
	var old kernelPolicy
	err := s.objects.Policies.Lookup(i, &old)
	if err == nil && old == (kernelPolicy{}) {
		err = s.objects.Policies.Put(i, p)
	}
	if err != nil {
		return fmt.Errorf("scrub: preinstalling a policy: %w", err)
	}
	return nil
}

// clearRemoved clears the counts and names of removed policies.
func (s *Scrubber) clearRemoved(numbers map[string]uint32) error {
	zeros := make([]kernelTally, ebpf.MustPossibleCPU())
	for i, name := range s.policies {
		if _, stays := numbers[name]; stays || name == "" {
			continue
		}
		for r := range uint32(Reasons) {
			if err := s.objects.Tallies.Put(uint32(i)*uint32(Reasons)+r, zeros); err != nil {
				return fmt.Errorf("scrub: clearing the counts of policy %s: %w", name, err)
			}
		}
		if err := s.objects.Names.Put(uint32(i), kernelName{}); err != nil {
			return fmt.Errorf("scrub: clearing the name of policy %s: %w", name, err)
		}
		s.policies[i] = ""
	}
	return nil
}

// receivers is how many CPUs receive packets: each of them counts budgets per
// destination.
func receivers(interfaces []string) int {
	most := 1
	for _, name := range interfaces {
		queues, err := filepath.Glob(filepath.Join("/sys/class/net", name, "queues", "rx-*"))
		if err == nil {
			most = max(most, len(queues))
		}
	}
	return min(most, runtime.NumCPU())
}

// leastMTU is the smallest MTU of the interfaces, between 1280 and 1500.
func leastMTU(interfaces []string) int {
	least := 1500
	for _, name := range interfaces {
		if i, err := net.InterfaceByName(name); err == nil {
			least = min(least, i.MTU)
		}
	}
	return max(least, 1280)
}
