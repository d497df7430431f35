package scenario

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// A Schedule is all that happens in a run and when, counted from its begin.
type Schedule struct {
	Length time.Duration
	Pulses []Wave // in order of At; each once
	Visits []Visit
	Chaos  []Chaos
}

// A Visit is one customer.
type Visit struct {
	At      time.Duration
	Shop    string
	Crowd   string // empty: one of the ordinary hours
	Address int    // which of the customers'

	Known, Script, Phone, Buys, Pictures, Stamps bool

	Seed uint64 // of what the customer does
}

// Schedule is what the scenario's seed makes of it: the same each time.
func (s *Scenario) Schedule() *Schedule {
	all := &Schedule{Length: s.For.D(), Pulses: s.pulses(), Chaos: slices.Clone(s.Chaos)}
	for i, p := range s.Shops {
		ordinary := Crowd{For: s.For, Shop: p.Name, Arrive: Profile{To: s.Customers.Arrive}, Known: &s.Customers.Known, Buy: &s.Customers.Buy}
		all.Visits = append(all.Visits, s.visits(&ordinary, uint64(i))...)
	}
	for i := range s.Crowds {
		all.Visits = append(all.Visits, s.visits(&s.Crowds[i], uint64(maxShops+i))...)
	}
	slices.SortStableFunc(all.Visits, func(a, b Visit) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(all.Chaos, func(a, b Chaos) int { return cmp.Compare(a.At, b.At) })
	return all
}

// pulses are the waves, each once, by their begin.
func (s *Scenario) pulses() (all []Wave) {
	for _, w := range s.Waves {
		for i := range min(max(w.Times, 1), maxWaves+1) {
			p := w
			p.At += Span(i) * w.Every
			p.Times, p.Every = 1, 0
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Wave) int { return cmp.Compare(a.At, b.At) })
	return all
}

// visits draws the arrivals of a Poisson process whose rate may change: of one at
// the highest rate, those that the rate of the moment keeps (thinning, Lewis and
// Shedler 1979). Each stream has random numbers of its own, so that one crowd more
// leaves the others as they were.
func (s *Scenario) visits(c *Crowd, stream uint64) (all []Visit) {
	most := float64(c.Arrive.Max())
	if most == 0 {
		return nil
	}
	random := rand.New(rand.NewPCG(s.Seed, stream))
	known, buy := or(c.Known, s.Customers.Known), or(c.Buy, s.Customers.Buy)
	pictures, stamps := or(c.Pictures, s.Customers.Pictures), or(c.Stamps, s.Customers.Stamps)
	chance := func(part Share) bool { return random.Float64() < float64(part) }
	for at := 0.0; len(all) < 2*maxVisits; {
		if at += random.ExpFloat64() / most; at >= c.For.D().Seconds() {
			break
		}
		t := time.Duration(at * float64(time.Second))
		v := Visit{
			At: c.At.D() + t, Shop: c.Shop, Crowd: c.Name, Address: random.IntN(s.Customers.Addresses),
			Known: chance(known), Script: !chance(s.Customers.NoScript), Phone: chance(s.Customers.Phones), Buys: chance(buy),
			Pictures: pictures, Stamps: stamps, Seed: random.Uint64(),
		}
		if random.Float64()*most < float64(c.Arrive.At(t)) {
			all = append(all, v)
		}
	}
	return all
}

// or is a value that a crowd has, or that of all customers.
func or[T any](own *T, all T) T {
	if own != nil {
		return *own
	}
	return all
}

// expected is about how many visits there are.
func (s *Scenario) expected() float64 {
	n := float64(s.Customers.Arrive) * float64(len(s.Shops)) * s.For.D().Seconds()
	for _, c := range s.Crowds {
		n += float64(c.Arrive.Max()) * c.For.D().Seconds()
	}
	return n
}

// A Window is a part of a run.
type Window struct{ From, To time.Duration }

// Blackholes are the times in which a provider without a shield null-routes the
// shop: so long after an attack above the rate began, for the hold, and again for
// as long as the attack goes on.
func (s *Scenario) Blackholes(shop string) (all []Window) {
	pulses := s.pulses()
	begun, routed := time.Duration(-1), Window{}
	for t := time.Duration(0); t < s.For.D(); t += 100 * time.Millisecond {
		if t < routed.To {
			continue
		}
		if rateAt(pulses, shop, t) <= s.Blackhole.Above {
			begun = -1
			continue
		}
		if begun < 0 {
			begun = t
		}
		if t-begun >= s.Blackhole.After.D() {
			routed = Window{t, t + s.Blackhole.Hold.D()}
			all = append(all, routed)
			begun = -1
		}
	}
	return all
}

// rateAt is how many requests a second the shop gets.
func rateAt(pulses []Wave, shop string, t time.Duration) (rate Rate) {
	for _, w := range pulses {
		if since := t - w.At.D(); since >= 0 && since < w.For.D() && slices.Contains(w.Shops, shop) {
			rate += w.Rate.At(since)
		}
	}
	return rate
}
