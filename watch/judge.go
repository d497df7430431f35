package watch

import "github.com/theriac-edge/theriac/shop"

// decision is what comes together while one second is judged.
type decision struct {
	now    int64
	t      *tally
	usual  *Expected
	set    *Settings
	hidden float64

	need   shop.Level
	hot    bool
	cause  Cause
	weight float64 // of the cause
	beyond bool    // bots exceed what a shop in health is allowed
}

// raise asks for a level. Of causes for the same level the heaviest is told.
func (d *decision) raise(level shop.Level, weight float64, c Cause) {
	if level > d.need || level == d.need && weight > d.weight {
		d.need, d.weight, d.cause = level, weight, c
	}
}

// judgeStrangers looks at strangers that arrive, whatever became of them: refused and
// challenged ones count, so a challenge does not hide the flood that it stops.
func (st *State) judgeStrangers(d *decision, v *Verdict) {
	t, usual, set := d.t, d.usual, d.set
	f, sick := usual.announced(), st.health.was
	if usual.Assets < set.LeastAssets && st.tenSum >= leastAgain && t.distinct < set.Again*st.tenSum {
		st.again++
	} else {
		st.again = 0
	}
	blame, lead := 0.0, -1.0
	for j := range st.strangers {
		own := usual.Strangers[j]
		k, h := set.allowance(j, usual, sick)
		x := t.strangers[j]
		if Stream(j) == Page {
			x += d.hidden // by packets and connections nobody knows what they would have asked for
		}
		r := &st.strangers[j]
		r.add(d.now, x, k, h, set, t)
		d.hot = d.hot || r.sum > 0 && x > k*t.seconds
		score := r.sum / h
		if score >= 1 {
			score = 1 + r.rate()/k
		}
		if score > lead {
			lead = score
			v.show(Stream(j), r, x/t.seconds, own, k, h)
		}
		if r.sum < h {
			continue
		}
		c, weight := Cause{Why: WhyMany, Stream: Stream(j), Onset: r.since}, r.rate()/k
		more := r.distinct - usual.Distinct*f
		if more < set.Many && (!sick || more < set.SickMany) {
			c.Why = WhyFew
			d.raise(shop.Raised, weight, c)
			continue
		}
		d.raise(shop.Raised, weight, c)
		c.Sign = r.unlike(own, usual, set, st.health.ill)
		if c.Sign == NoSign && st.again >= againFor && x > k*t.seconds && !r.familiar(usual) {
			c.Sign = SameClients
		}
		if c.Sign != NoSign {
			c.Why = WhyUnlike
			d.raise(shop.Attack, weight, c)
			d.beyond = d.beyond || r.exceeds(set.allowance(j, usual, false))
		}
		if rate := r.rate(); st.health.ill && rate >= set.Strong*f*own && rate >= k {
			blame = max(blame, max(1, rate/set.FloodRate))
			if st.strong+blame >= r.patience(own, usual, set) {
				c.Why = WhySuffers
				d.raise(shop.Attack, weight, c)
			}
		}
	}
	st.strong += blame * t.seconds
	if st.health.well > forgiven {
		st.strong = 0
	}
}

const (
	leastAgain = 100 // strangers in ten seconds, whose clients can be the same; of fewer, chance makes a few
	againFor   = 3   // seconds in a row: the counts of an edge may come late
)

// judgeThrough looks at what gets through at a raised level and hurts all the same; below, at
// those whom level 2 would let through.
func (st *State) judgeThrough(d *decision) {
	t, usual, set := *d.t, d.usual, d.set
	raised, since := st.hold.level >= shop.Attack, st.clock-st.hold.rose
	switch {
	case raised && since < set.Reach:
		t = tally{seconds: t.seconds}
	case raised:
		t = t.letThrough()
	default:
		t = t.stamped()
	}
	for j := range st.through {
		x, own := t.vouched[j], max(0, usual.Through[j]-usual.Strangers[j])
		if raised {
			x, own = t.through[j], usual.Through[j]
		}
		k := max(2*set.SickFloor[j], 3*usual.announced()*own)
		h := max(set.Sum, 2*k)
		r := &st.through[j]
		r.add(d.now, x, k, h, set, &t)
		if r.sum < h || !st.health.ill {
			continue
		}
		sign := r.unlike(own, usual, set, !r.paid(own, usual))
		if sign == NoSign {
			continue
		}
		d.hot = true
		c, weight := Cause{Why: WhyStillHurts, Sign: sign, Stream: Stream(j), Onset: r.since}, r.rate()/k
		switch {
		case raised && since >= set.Settle:
			d.raise(min(shop.Siege, st.hold.level+1), weight, c)
		case !raised && r.seconds >= set.Collected:
			c.Why = WhyCollected
			d.raise(shop.Attack, weight, c)
		}
	}
}

// judgeCarpet sums up all streams against a smaller allowance: alone it says nothing.
func (st *State) judgeCarpet(d *decision, v *Verdict) {
	t, usual, set := d.t, d.usual, d.set
	own := 0.0
	for _, u := range usual.Strangers {
		own += u
	}
	k := max(set.CarpetFloor, set.CarpetMultiple*usual.announced()*own)
	h := max(set.CarpetSum, 2*k)
	r := &st.carpet
	r.add(d.now, t.allStrangers, k, h, set, t)
	if r.sum < h || r.distinct-usual.Distinct*usual.announced() < set.Many {
		return
	}
	sign := r.unlike(own, usual, set, false)
	if sign == NoSign || sign == NoCarts {
		return
	}
	v.Carpet = r.since
	if set.carpet && st.health.was {
		d.hot = true
		d.raise(shop.Attack, r.rate()/k, Cause{Why: WhyCarpet, Sign: sign, Onset: r.since})
	}
}

// show takes the figures of one stream.
func (v *Verdict) show(stream Stream, r *run, rate, usual, k, h float64) {
	v.Stream, v.Strangers, v.Usual, v.Allowance, v.Sum, v.Threshold = stream, rate, usual, k, r.sum, h
	if r.sum > 0 {
		v.Strangers, v.Assets = r.rate(), r.assets/max(1, r.dynamic)
	}
}
