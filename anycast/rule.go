package anycast

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// Rule is a FlowSpec rule (RFC 8955): what matches all that is set is limited to a rate.
type Rule struct {
	Source     netip.Prefix `json:"source,omitzero"`
	Protocol   uint8        `json:"protocol,omitempty"` // of IP; 0: any
	SourcePort uint16       `json:"source_port,omitempty"`
	Port       uint16       `json:"port,omitempty"` // the destination's

	// In bytes per second; 0 drops everything.
	Rate float64 `json:"rate"`
}

func (r *Rule) equal(other *Rule) bool {
	return r == other || r != nil && other != nil && *r == *other
}

// checkRule refuses rules that may take more than the attack: without protocol and port, or
// dropping what was not limited before.
func (l *Ladder) checkRule(now time.Time, s Escalation) error {
	r := s.Rule
	switch {
	case r == nil:
		return errors.New("it needs a rule")
	case r.Protocol == 0 && r.Port == 0 && r.SourcePort == 0:
		return errors.New("the rule needs a protocol or a port")
	case r.Source.IsValid() && r.Source.Addr().Is4() != s.Address.Is4():
		return errors.New("source and destination are not of one family")
	case r.Source.IsValid() && r.Source.Masked() != r.Source:
		return fmt.Errorf("%v has bits below its length", r.Source)
	case r.Rate < 0 || r.Rate > math.MaxFloat32 || math.IsNaN(r.Rate):
		return fmt.Errorf("%v is not a rate", r.Rate)
	case r.Rate > 0:
		return nil
	}
	for _, a := range l.all {
		if a.Rule != nil && a.Address == s.Address && a.Rule.Rate > 0 && a.Rule.matchesAs(r) && a.InForce(now) && !s.Evidence[0].At.Before(a.Began.Add(Settle)) {
			return nil
		}
	}
	return fmt.Errorf("a rate before a discard: the same rule with a rate must have been in force for %v, and the evidence be of the time after", Settle)
}

func (r *Rule) matchesAs(other *Rule) bool {
	limited := *r
	limited.Rate = other.Rate
	return limited == *other
}

// Announcement is what a speaker tells its peers.
type Announcement struct {
	Routes []Route
	Rules  []RuleTo
}

// Route is one prefix of the tier.
type Route struct {
	Prefix    netip.Prefix
	Blackhole bool // with the community BLACKHOLE (RFC 7999)
}

// RuleTo is a rule for what goes to an address of the tier.
type RuleTo struct {
	Destination netip.Addr
	Rule
}

// Announce puts together what an edge announces: its prefixes if it has routes, and what is in
// force of the ladder. Rules and black holes concern what has not reached an edge yet, so they
// hold also while this edge has no routes.
func Announce(now time.Time, s State, prefixes []netip.Prefix, l *Ladder) (a Announcement) {
	holes := map[netip.Prefix]bool{}
	for _, one := range l.All(now) {
		switch {
		case !one.InForce(now):
		case one.Remedy == Blackhole:
			prefix := netip.PrefixFrom(one.Address, one.Address.BitLen())
			holes[prefix] = true
			a.Routes = append(a.Routes, Route{prefix, true})
		case one.Remedy == FlowSpec && !l.isReplaced(now, one):
			a.Rules = append(a.Rules, RuleTo{one.Address, *one.Rule})
		}
	}
	if s.HasRoutes() {
		for _, prefix := range prefixes {
			if !holes[prefix] {
				a.Routes = append(a.Routes, Route{prefix, false})
			}
		}
	}
	return a
}

// isReplaced reports whether a rate is in force together with the discard that came after it.
// Both have the same match, so that a peer can hold only one of them.
func (l *Ladder) isReplaced(now time.Time, s Escalation) bool {
	for _, a := range l.all {
		if a.ID > s.ID && a.Rule != nil && a.Address == s.Address && s.Rule.matchesAs(a.Rule) && a.InForce(now) {
			return true
		}
	}
	return false
}
