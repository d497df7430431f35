package watch

// run is a CUSUM, the cumulative sum of what exceeds an allowance, with what came since it
// was last zero.
type run struct {
	sum      float64
	since    int64 // the second in which it began
	own      float64
	dynamic  float64
	vouched  float64
	carts    float64
	assets   float64
	solved   float64 // challenges
	seconds  float64
	distinct float64 // the most of its seconds
}

// tally is a second in the numbers that runs add up.
type tally struct {
	strangers, vouched, through          [Streams]float64
	allStrangers, allVouched, allThrough float64
	dynamic, carts, assets, distinct     float64
	solved                               float64
	seconds                              float64 // how many it stands for
}

// mostCounted bounds what one second may hold: a fault elsewhere must not stay in the sums.
const mostCounted = 1e7

func bound(n int) float64 { return float64(min(max(n, 0), mostCounted)) }

func (t *tally) take(sec *Second, seconds int64) {
	*t = tally{assets: bound(sec.Assets), distinct: bound(sec.Distinct), solved: bound(sec.Solved), seconds: float64(seconds)}
	for j := range Streams {
		t.strangers[j], t.vouched[j], t.through[j] = bound(sec.Strangers[j]), bound(sec.Vouched[j]), bound(sec.Through[j])
		t.allStrangers += t.strangers[j]
		t.allVouched += t.vouched[j]
		t.allThrough += t.through[j]
	}
	t.dynamic = t.allStrangers + t.allVouched
	t.carts = t.strangers[Order] + t.vouched[Order]
}

// stamped is the same second without strangers. Assets belong to nobody, and stay.
func (t tally) stamped() tally {
	t.dynamic, t.carts = t.allVouched, t.vouched[Order]
	return t
}

// letThrough is the same second without what was stopped: all that is let through has a stamp.
func (t tally) letThrough() tally {
	t.dynamic, t.allVouched, t.carts = t.allThrough, t.allThrough, t.through[Order]
	return t
}

// add takes in x requests against an allowance of k a second, which a sum of h exceeds. Nothing is
// remembered beyond twice that, so that the end of a flood shows.
func (r *run) add(now int64, x, k, h float64, set *Settings, t *tally) {
	k *= t.seconds
	mean := r.rate() * t.seconds
	switch {
	case r.sum == 0 && x <= k:
		return
	case r.sum == 0:
		*r = run{since: now}
	case r.seconds >= set.Memory/2 && x >= set.Jump*mean && x >= mean+h:
		*r = run{since: now, sum: r.sum}
	case r.seconds >= 2*set.Memory:
		r.halve()
	}
	r.sum = max(0, min(r.sum+x-k, 2*h))
	r.own += x
	r.dynamic += t.dynamic
	r.vouched += t.allVouched
	r.carts += t.carts
	r.assets += t.assets
	r.solved += t.solved
	r.seconds += t.seconds
	r.distinct = max(r.distinct, t.distinct)
}

// halve forgets half of what came, and keeps its composition.
func (r *run) halve() {
	r.own /= 2
	r.dynamic /= 2
	r.vouched /= 2
	r.carts /= 2
	r.assets /= 2
	r.solved /= 2
	r.seconds /= 2
	r.distinct = 0
}

func (r *run) rate() float64 { return r.own / max(1, r.seconds) }

// exceeds reports whether the run would be an alarm with this allowance too.
func (r *run) exceeds(k, h float64) bool { return r.own-k*r.seconds >= h }

// excess is what came beyond the usual, of which own is usual in the run's own stream.
func (r *run) excess(own float64, usual *Expected) float64 {
	f := usual.announced()
	return max(r.dynamic-usual.Dynamic*r.seconds*f, r.own-own*r.seconds*f)
}

// unlike says by which sign what came beyond the usual behaves unlike people with browsers. While
// the shop is well, carts have more time to be filled.
func (r *run) unlike(own float64, usual *Expected, set *Settings, ill bool) Sign {
	excess := r.excess(own, usual)
	if excess < leastExcess {
		return NoSign
	}
	rest := max(0, r.dynamic-excess)
	assets, carts := max(0, r.assets-usual.Assets*rest), max(0, r.carts-usual.Carts*rest)
	if usual.Assets >= set.LeastAssets && assets < set.AssetPart*usual.Assets*excess {
		return NoAssets
	}
	cartSeconds := set.CartSeconds
	if !ill {
		cartSeconds = set.CalmCartSeconds
	}
	if r.seconds >= cartSeconds && excess >= leastForCarts && carts < set.CartPart*usual.Carts*excess {
		return NoCarts
	}
	if r.seconds >= set.VouchedSeconds && !r.familiar(usual) && r.vouched < set.VouchedPart*r.dynamic {
		return NoStamps
	}
	return NoSign
}

// familiar reports whether no more came than on a good day. Then those that lack stamps may have
// lost them: a secret was rotated, or a browser update cleared its cookies.
func (r *run) familiar(usual *Expected) bool {
	return r.dynamic <= 2*usual.Dynamic*r.seconds*usual.announced()
}

// paid reports whether what came beyond the usual has solved challenges, as often as people do.
func (r *run) paid(own float64, usual *Expected) bool {
	return r.excess(own, usual) <= pagesPaid*r.solved
}

// forgive lets what came until now count as paid: nobody was asked.
func (r *run) forgive() { r.solved = r.dynamic / pagesPaid }

// pagesPaid is for how many requests one challenge is solved: a visit of people has about five.
const pagesPaid = 10

// Fewer requests than these have no composition: in a low hour everything would be unlike.
const (
	leastExcess   = 10
	leastForCarts = 100
)

// patience is how many seconds a shop suffers from the run's strangers, until they are asked. What
// came beyond the usual is clearly people if it loads pictures, fills carts and returns with stamps,
// as usual.
func (r *run) patience(own float64, usual *Expected, set *Settings) float64 {
	excess := r.excess(own, usual)
	if excess < leastForCarts || r.seconds < set.CartSeconds || r.vouched < set.VouchedPart*r.dynamic {
		return set.Patience
	}
	rest := max(0, r.dynamic-excess)
	loads := usual.Assets < set.LeastAssets || r.assets-usual.Assets*rest >= usual.Assets*excess/2
	if loads && r.carts-usual.Carts*rest >= usual.Carts*excess/2 {
		return set.PeoplePatience
	}
	return set.Patience
}
