package anycast

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// Remedy is one rung of the ladder: what is done about an attack that the scrubber does not
// end. The scrubber is the ground that the ladder stands on. A higher remedy costs more
// customers, so each wants evidence that was measured while the one below it was in force.
type Remedy string

// The remedies, from the lowest.
const (
	FlowSpec  Remedy = "flowspec"  // routers of the uplink limit or drop it (RFC 8955)
	Move      Remedy = "move"      // a shop's DNS records go to its other address
	Blackhole Remedy = "blackhole" // the uplink drops all to one address (RTBH, RFC 7999)
	Leave     Remedy = "leave"     // this site leaves the tier
)

// limits are the cap and the expiry of a remedy, and how many persons it takes.
type limits struct {
	most    int // in force or waiting at a time
	life    time.Duration
	persons int
}

var remedies = []Remedy{FlowSpec, Move, Blackhole, Leave}

var limitsOf = map[Remedy]limits{
	FlowSpec:  {MostRules, time.Hour, 1},
	Move:      {64, 24 * time.Hour, 1},
	Blackhole: {2, 15 * time.Minute, 2},
	Leave:     {1, 30 * time.Minute, 2},
}

const (
	MostRules    = 8                // FlowSpec rules at a time, so that no peer gets more
	Settle       = 30 * time.Second // how long a remedy works before a higher one is asked for
	FreshProof   = time.Minute      // the age at which evidence is none
	SecondWait   = 10 * time.Minute // how long an escalation waits for the second person
	Headroom     = 1.5              // how much more than what moves the other edges must have free
	mostEvidence = 20
)

// Evidence is what has been measured of an attack on an address.
type Evidence struct {
	At               time.Time `json:"at"`
	PacketsPerSecond float64   `json:"packets_per_second"`
	BitsPerSecond    float64   `json:"bits_per_second"`
	From             string    `json:"from"` // where it was measured, such as scrubd or uplink
}

// Escalation is one remedy that was asked for.
type Escalation struct {
	ID       int        `json:"id"`
	Remedy   Remedy     `json:"remedy"`
	Address  netip.Addr `json:"address"`            // which is attacked; not for Leave
	Rule     *Rule      `json:"rule,omitempty"`     // of FlowSpec
	Shop     string     `json:"shop,omitempty"`     // of Move
	By       []string   `json:"by"`                 // the persons
	Why      string     `json:"why,omitempty"`      //
	Evidence []Evidence `json:"evidence,omitempty"` // the first one and those of renewals
	Asked    time.Time  `json:"asked"`
	Began    time.Time  `json:"began,omitzero"` // zero: waits for the second person
	Until    time.Time  `json:"until"`          // when it ends, or stops to wait
}

// InForce reports whether it is in force now.
func (s Escalation) InForce(now time.Time) bool { return !s.Began.IsZero() && now.Before(s.Until) }

// Ladder keeps the remedies in force. All are gone with the process, as its BGP session is. It
// is not safe for concurrent use.
type Ladder struct {
	addresses []netip.Addr
	without   []Remedy // which the uplinks do not offer
	last      int
	all       []Escalation
}

// NewLadder makes a ladder for the addresses of a tier, whose uplinks do without some remedies.
func NewLadder(addresses []netip.Addr, without ...Remedy) *Ladder {
	return &Ladder{addresses: addresses, without: without}
}

// Ask asks for a remedy. One that takes two persons waits for Confirm.
func (l *Ladder) Ask(now time.Time, s Escalation) (Escalation, error) {
	l.expire(now)
	if err := l.check(now, s); err != nil {
		return s, fmt.Errorf("escalating to %s: %w", s.Remedy, err)
	}
	limit := limitsOf[s.Remedy]
	l.last++
	s.ID, s.Asked, s.By = l.last, now, s.By[:1:1]
	s.Began, s.Until = now, now.Add(limit.life)
	if limit.persons > 1 {
		s.Began, s.Until = time.Time{}, now.Add(SecondWait)
	}
	l.all = append(l.all, s)
	return s, nil
}

// Confirm is the second person's word.
func (l *Ladder) Confirm(now time.Time, id int, by string) (Escalation, error) {
	s, err := l.find(now, id)
	switch {
	case err != nil:
		return Escalation{}, fmt.Errorf("confirming: %w", err)
	case !s.Began.IsZero():
		return *s, fmt.Errorf("confirming: %d is in force already", id)
	case slices.Contains(s.By, by):
		return *s, fmt.Errorf("confirming: %s asked for it; another person must confirm", by)
	}
	s.By = append(s.By, by)
	s.Began, s.Until = now, now.Add(limitsOf[s.Remedy].life)
	return *s, nil
}

// Renew has a remedy last its whole time once more, on evidence that the attack goes on.
func (l *Ladder) Renew(now time.Time, id int, proof Evidence) (Escalation, error) {
	s, err := l.find(now, id)
	switch {
	case err != nil:
		return Escalation{}, fmt.Errorf("renewing: %w", err)
	case s.Began.IsZero():
		return *s, fmt.Errorf("renewing: %d waits for a second person", id)
	case proof.check(now) != nil:
		return *s, fmt.Errorf("renewing: %w", proof.check(now))
	case !proof.At.After(s.Evidence[len(s.Evidence)-1].At):
		return *s, errors.New("renewing: the evidence is not newer than what is known already")
	}
	s.Evidence = append(s.Evidence, proof)
	if len(s.Evidence) > mostEvidence {
		s.Evidence = slices.Delete(s.Evidence, 1, 2) // the first one is what it began with
	}
	s.Until = now.Add(limitsOf[s.Remedy].life)
	return *s, nil
}

// End ends a remedy, or the wait for the second person.
func (l *Ladder) End(now time.Time, id int) (Escalation, error) {
	s, err := l.find(now, id)
	if err != nil {
		return Escalation{}, fmt.Errorf("ending: %w", err)
	}
	ended := *s
	l.all = slices.DeleteFunc(l.all, func(s Escalation) bool { return s.ID == id })
	return ended, nil
}

// All returns what is in force or waits for a second person.
func (l *Ladder) All(now time.Time) []Escalation {
	l.expire(now)
	return slices.Clone(l.all)
}

func (l *Ladder) expire(now time.Time) {
	l.all = slices.DeleteFunc(l.all, func(s Escalation) bool { return !now.Before(s.Until) })
}

func (l *Ladder) find(now time.Time, id int) (*Escalation, error) {
	l.expire(now)
	for i := range l.all {
		if l.all[i].ID == id {
			return &l.all[i], nil
		}
	}
	return nil, fmt.Errorf("no escalation %d: it has ended, or never was", id)
}

// check refuses what the ladder does not allow.
func (l *Ladder) check(now time.Time, s Escalation) error {
	limit, known := limitsOf[s.Remedy]
	switch {
	case !known:
		return fmt.Errorf("unrecognized remedy: want one of %v", remedies)
	case slices.Contains(l.without, s.Remedy):
		return errors.New("the uplinks of this edge do not offer it")
	case len(s.By) == 0 || s.By[0] == "":
		return errors.New("nobody asks for it")
	case s.Remedy != Leave && !slices.Contains(l.addresses, s.Address):
		return fmt.Errorf("%v is not an address of this tier", s.Address)
	case len(s.Evidence) != 1:
		return errors.New("it needs evidence of the attack")
	}
	if err := s.Evidence[0].check(now); err != nil {
		return err
	}
	if l.count(s.Remedy) >= limit.most {
		return fmt.Errorf("%d are in force or waiting, and no more may be", limit.most)
	}
	if slices.ContainsFunc(l.all, func(a Escalation) bool {
		return a.Remedy == s.Remedy && a.Address == s.Address && a.Shop == s.Shop && a.Rule.equal(s.Rule)
	}) {
		return errors.New("it is in force or waiting already")
	}
	switch s.Remedy {
	case FlowSpec:
		return l.checkRule(now, s)
	case Move:
		if !slices.Contains(AddressesOf(s.Shop, l.addresses), s.Address) {
			return fmt.Errorf("shop %q is not at %v", s.Shop, s.Address)
		}
	}
	return l.checkBelow(now, s)
}

// checkBelow wants the next lower remedy that there is to have been in force on that address,
// and the evidence to be of the time after it.
func (l *Ladder) checkBelow(now time.Time, s Escalation) error {
	below := l.below(s.Remedy)
	if below == "" {
		return nil // the scrubber, which is always there
	}
	for _, a := range l.all {
		if a.Remedy == below && (s.Remedy == Leave || a.Address == s.Address) && a.InForce(now) && !s.Evidence[0].At.Before(a.Began.Add(Settle)) {
			return nil
		}
	}
	return fmt.Errorf("it needs evidence that %s did not help: %s in force for %v, and measured after that", below, below, Settle)
}

// below is the next lower remedy that the uplinks offer; empty: there is none.
func (l *Ladder) below(r Remedy) Remedy {
	for i := slices.Index(remedies, r) - 1; i >= 0; i-- {
		if !slices.Contains(l.without, remedies[i]) {
			return remedies[i]
		}
	}
	return ""
}

func (l *Ladder) count(r Remedy) (n int) {
	for _, a := range l.all {
		if a.Remedy == r {
			n++
		}
	}
	return n
}

// check refuses evidence that says nothing of now.
func (p Evidence) check(now time.Time) error {
	for _, v := range []float64{p.PacketsPerSecond, p.BitsPerSecond} {
		if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("evidence: %v is not a rate", v)
		}
	}
	switch age := now.Sub(p.At); {
	case p.PacketsPerSecond == 0 && p.BitsPerSecond == 0:
		return errors.New("evidence: nothing is attacked")
	case age > FreshProof:
		return fmt.Errorf("evidence: it is %v old, and may be %v", age.Round(time.Second), FreshProof)
	case age < -FreshProof:
		return errors.New("evidence: it is of the future")
	}
	return nil
}

// MayLeave says whether the others can take what arrives at this edge: they must have Headroom
// times that free. What an edge does not tell counts as nothing free.
func MayLeave(load float64, others map[string]Fact) error {
	free := 0.0
	for _, f := range others {
		if f.State == Announced {
			free += max(0, f.Capacity-f.Load)
		}
	}
	switch {
	case load <= 0:
		return errors.New("what arrives at this edge is not known")
	case free < Headroom*load:
		return fmt.Errorf("the other edges have %.3g bit/s free, and need %.3g", free, Headroom*load)
	}
	return nil
}
