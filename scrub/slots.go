//go:build linux

package scrub

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// slots are the indexes of a policy file's policies and tunnels in the maps.
type slots struct {
	numbers  map[string]uint32 // of policies
	policies []string          // as Scrubber has them, with the new ones
	tunnels  []Tunnel
}

// assignSlots finds room for a policy file beside what is in force, which is in this
// bank. It changes nothing.
func (s *Scrubber) assignSlots(c *Config, bank uint32) (p slots, err error) {
	if err := s.assignPolicies(c, &p); err != nil {
		return p, err
	}
	if err := s.assignTunnels(c, bank, &p); err != nil {
		return p, err
	}
	if err := s.checkPrefixRoom(c); err != nil {
		return p, err
	}
	if err := s.allow.checkRoom("allow", c.Allow); err != nil {
		return p, err
	}
	return p, s.deny.checkRoom("deny", c.Deny)
}

// assignPolicies gives each policy its present number, or a free one.
func (s *Scrubber) assignPolicies(c *Config, p *slots) error {
	p.policies, p.numbers = slices.Clone(s.policies), map[string]uint32{generalPolicy: 0}
	for _, policy := range c.Policies {
		i := slices.Index(p.policies, policy.Name)
		if i < 0 {
			i = slices.Index(p.policies, "")
		}
		if i < 0 {
			return fmt.Errorf("scrub: at most %d policies are possible, those in force and new ones together; "+
				"remove old ones from the file first, and then add new ones", maxPolicies-1)
		}
		p.policies[i] = policy.Name
		p.numbers[policy.Name] = uint32(i)
	}
	return nil
}

// assignTunnels gives each tunnel its present number, or one that no policy in force
// uses.
func (s *Scrubber) assignTunnels(c *Config, bank uint32, p *slots) error {
	p.tunnels = slices.Clone(s.tunnels)
	wanted := c.Tunnels()
	if len(wanted) == 0 {
		return nil
	}
	used := make([]bool, len(p.tunnels))
	used[0] = true // means none
	for i, name := range s.policies {
		if name == "" {
			continue
		}
		var policy kernelPolicy
		if err := s.objects.Policies.Lookup(bank*maxPolicies+uint32(i), &policy); err != nil {
			return fmt.Errorf("scrub: reading the policies: %w", err)
		}
		used[policy.Tunnel] = true
	}
	var fresh []Tunnel
	for _, t := range wanted {
		if i := slices.Index(p.tunnels, t); i > 0 {
			used[i] = true
			continue
		}
		fresh = append(fresh, t)
	}
	for _, t := range fresh {
		i := slices.Index(used, false)
		if i < 0 {
			return fmt.Errorf("scrub: at most %d tunnels are possible, those in force and new ones together; "+
				"remove old ones from the file first, and then add new ones", len(p.tunnels)-1)
		}
		p.tunnels[i], used[i] = t, true
	}
	return nil
}

// tunnel is the number of a tunnel that has one; 0: none.
func (s *Scrubber) tunnel(t *Tunnel) uint8 {
	if t == nil {
		return 0
	}
	return uint8(slices.Index(s.tunnels, *t))
}

// commit writes names and tunnels of new slots. No policy in force points to them.
func (s *Scrubber) commit(p slots) error {
	for i, name := range p.policies {
		if name == s.policies[i] {
			continue
		}
		if err := s.objects.Names.Put(uint32(i), nameOf(name)); err != nil {
			return fmt.Errorf("scrub: naming policy %s: %w", name, err)
		}
		s.policies[i] = name
	}
	for i, t := range p.tunnels {
		if t == s.tunnels[i] {
			continue
		}
		entry := kernelTunnel{From: addrWord(t.From), To: addrWord(t.To)}
		if err := s.objects.Tunnels.Put(uint32(i), entry); err != nil {
			return fmt.Errorf("scrub: writing the tunnel to %s: %w", t.To, err)
		}
		s.tunnels[i] = t
	}
	return nil
}

// checkRoom rejects a policy file's part of a list if it does not fit beside the
// entries of other owners.
func (l *list) checkRoom(name string, wanted []Prefix) error {
	all := maps.Clone(l.entries)
	maps.DeleteFunc(all, func(_ netip.Prefix, e entryState) bool { return e.owner == OwnerFile })
	for _, p := range wanted {
		all[p.Prefix] = entryState{}
	}
	if len(all) > l.most {
		return fmt.Errorf("scrub: %s would have %d entries, including those of other owners: at most %d are possible: %w", name, len(all), l.most, ErrFull)
	}
	return nil
}

func tunnelOf(t kernelTunnel) Tunnel {
	if t == (kernelTunnel{}) {
		return Tunnel{}
	}
	return Tunnel{From: wordAddr(t.From), To: wordAddr(t.To)}
}
