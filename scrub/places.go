//go:build linux

package scrub

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// places are where a policy file's policies and tunnels go in the maps.
type places struct {
	numbers  map[string]uint32 // of policies
	policies []string          // as Scrubber has them, with the new ones
	tunnels  []Tunnel
}

// place finds room for a policy file beside what is in force, which is the half
// called bank. It changes nothing.
func (s *Scrubber) place(c *Config, bank uint32) (p places, err error) {
	if err := s.number(c, &p); err != nil {
		return p, err
	}
	if err := s.route(c, bank, &p); err != nil {
		return p, err
	}
	if err := s.roomForNets(c); err != nil {
		return p, err
	}
	if err := s.allow.room("allow", c.Allow); err != nil {
		return p, err
	}
	return p, s.deny.room("deny", c.Deny)
}

// number gives each policy the number that it had before, or a free one.
func (s *Scrubber) number(c *Config, p *places) error {
	p.policies, p.numbers = slices.Clone(s.policies), map[string]uint32{generalPolicy: 0}
	for _, policy := range c.Policies {
		i := slices.Index(p.policies, policy.Name)
		if i < 0 {
			i = slices.Index(p.policies, "")
		}
		if i < 0 {
			return fmt.Errorf("scrub: no more than %d policies have room, those in force and new ones together; "+
				"take old ones out of the file first, and then put new ones in", maxPolicies-1)
		}
		p.policies[i] = policy.Name
		p.numbers[policy.Name] = uint32(i)
	}
	return nil
}

// route gives each tunnel the number that it had before, or one that no policy
// in force has.
func (s *Scrubber) route(c *Config, bank uint32, p *places) error {
	p.tunnels = slices.Clone(s.tunnels)
	wanted := c.Tunnels()
	if len(wanted) == 0 {
		return nil
	}
	used := make([]bool, len(p.tunnels))
	used[0] = true // is none
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
			return fmt.Errorf("scrub: no more than %d tunnels have room, those in force and new ones together; "+
				"take old ones out of the file first, and then put new ones in", len(p.tunnels)-1)
		}
		p.tunnels[i], used[i] = t, true
	}
	return nil
}

// tunnel is the number of a tunnel that has one; 0 is none.
func (s *Scrubber) tunnel(t *Tunnel) uint8 {
	if t == nil {
		return 0
	}
	return uint8(slices.Index(s.tunnels, *t))
}

// take writes what is new about the places. No policy in force points there.
func (s *Scrubber) take(p places) error {
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
		entry := kernelTunnel{From: word(t.From), To: word(t.To)}
		if err := s.objects.Tunnels.Put(uint32(i), entry); err != nil {
			return fmt.Errorf("scrub: writing the tunnel to %s: %w", t.To, err)
		}
		s.tunnels[i] = t
	}
	return nil
}

// room refuses a policy file's part of a list if it does not fit beside what
// others have listed.
func (l *list) room(name string, wanted []Prefix) error {
	all := maps.Clone(l.entries)
	maps.DeleteFunc(all, func(_ netip.Prefix, e held) bool { return e.owner == OwnerFile })
	for _, p := range wanted {
		all[p.Prefix] = held{}
	}
	if len(all) > l.most {
		return fmt.Errorf("scrub: %s would have %d entries, what others have listed included; at most %d are possible: %w", name, len(all), l.most, ErrFull)
	}
	return nil
}

func tunnelOf(t kernelTunnel) Tunnel {
	if t == (kernelTunnel{}) {
		return Tunnel{}
	}
	return Tunnel{From: address(t.From), To: address(t.To)}
}
