package watch

import (
	"math"
	"time"
)

// hours are those of a week.
const hours = 168

// HourOf returns the hour of the week of a Unix time, as Hour and Expected count it.
func HourOf(now int64) int { return int(max(0, now) / 3600 % hours) }

// Baseline is what is usual at a shop by hour of the week, in 3.2 KB.
//
// It is learned in the logarithm and within bounds for each week, so that an attack, a holiday
// or a ramp moves it little: nobody teaches it a flood in less than months.
type Baseline struct {
	prior     *Prior
	strangers [Streams][hours]packed // a second
	through   [Streams][hours]packed
	weeks     [hours]uint8 // in which the hour was learned

	levelStrangers [Streams]float64 // means of the shop, for hours that were not learned
	levelThrough   [Streams]float64

	assets, dynamic, carts, orders float64 // decayed sums
	waiting                        float64 // seconds
	held                           float64 // requests that wait at all times
	bad, crowded                   float64 // a second
	borne                          float64 // dynamic requests a second

	now      hour
	best     float64 // dynamic requests a second of this day
	dayHours int32   // of this day
	learned  int32   // hours
}

// NewBaseline knows nothing but the fleet.
func NewBaseline(p *Prior) *Baseline {
	return &Baseline{
		prior: p, levelStrangers: p.Strangers, levelThrough: p.Through,
		assets: priorRequests * p.Assets, dynamic: priorRequests, carts: priorRequests * p.Carts,
	}
}

const (
	priorRequests = 50         // that the fleet's ratios weigh
	epsilon       = 1.0 / 3600 // so that a logarithm exists: one request an hour
	leastSeconds  = 1200       // of an hour, to learn from it
	mostUp        = 0.15       // an hour of the week changes by no more in a week
	mostDown      = 0.3
	fresh         = 72   // hours in which only the mean of the shop is learned
	moving        = 0.3  // that it changes in one of these hours, at the most
	settled       = 0.02 // and later
	leastMean     = 1e-6
	mostWaiting   = 2   // seconds: no shop is used to more
	mostHeld      = 100 // requests: no shop is used to more
	mostTrouble   = 5   // bad answers, and refused requests, a second: no shop is used to more
	heldGrows     = 1   // requests in an hour, besides a fifth
	troubleGrows  = 0.05
)

// Learned is from how many hours it was learned.
func (b *Baseline) Learned() int { return int(b.learned) }

// Hour ends the hour h of the week, and learns from it.
func (b *Baseline) Hour(h int) {
	h = ((h % hours) + hours) % hours
	n := &b.now
	usual := b.rate(h)
	if n.seconds >= leastSeconds {
		for j := range Streams {
			b.learn(&b.strangers[j], &b.levelStrangers[j], h, n.strangers[j]/float64(n.seconds))
			b.learn(&b.through[j], &b.levelThrough[j], h, n.through[j]/float64(n.seconds))
		}
		if b.learned >= fresh {
			b.weeks[h] = min(b.weeks[h]+1, 200)
		}
		b.learned++
	}
	b.learnRatios(usual)
	b.learnTrouble()
	if b.dayHours++; b.dayHours >= 24 {
		b.borne = max(0.99*b.borne, min(b.best, max(5, 1.2*b.borne)))
		b.best, b.dayHours = 0, 0
	}
	*n = hour{}
}

// learn moves the mean of the shop, and the rate of hour h once the mean is known.
func (b *Baseline) learn(bins *[hours]packed, mean *float64, h int, x float64) {
	shape, step := b.prior.Shape[h], settled
	if b.learned < fresh {
		step = moving
	}
	moved := *mean + (x-*mean*shape)/8
	*mean = min(mostCounted, max(*mean/(1+step), min(*mean*(1+step), moved), leastMean))
	if b.learned < fresh {
		return
	}
	if b.weeks[h] == 0 {
		guess := *mean * shape
		bins[h] = pack(max(guess/3, min(guess*3, x)))
		return
	}
	known := bins[h].rate()
	e := math.Log((x + epsilon) / (known + epsilon))
	a := max(0.25, 1/float64(b.weeks[h]+1))
	bins[h] = pack(min(mostCounted, max(1e-5, known*math.Exp(max(-mostDown, min(mostUp, a*e))))))
}

// learnRatios takes in assets and carts, unless far more came than is usual: a drip of bare
// requests at level 0 must not teach that there are no pictures here.
func (b *Baseline) learnRatios(usual float64) {
	n := &b.now
	if b.learned <= fresh || n.dynamic <= 2*usual*float64(n.seconds)+20 {
		keep := math.Pow(0.9999, n.dynamic)
		b.assets = b.assets*keep + n.assets
		b.dynamic = b.dynamic*keep + n.dynamic
		b.carts = b.carts*keep + n.carts
		b.orders = b.orders*keep + n.orders
	}
	if n.passed >= 20 {
		b.waiting += (min(n.waiting/n.passed, 1.2*b.waiting+0.05, mostWaiting) - b.waiting) / 8
	}
}

// learnTrouble takes in what is usual though it looks like suffering, at level 0 only. It is
// learned within half a day and forgotten within a few.
func (b *Baseline) learnTrouble() {
	n := &b.now
	if n.calm < leastSeconds {
		return
	}
	grow := func(usual *float64, x, grows, most float64) {
		if x < *usual {
			*usual += (x - *usual) / 24
			return
		}
		*usual = min(x, 1.2**usual+grows, most)
	}
	seconds := float64(n.calm)
	grow(&b.held, n.held*10/seconds, heldGrows, mostHeld)
	grow(&b.bad, n.bad/seconds, troubleGrows, mostTrouble)
	grow(&b.crowded, n.crowded/seconds, troubleGrows, mostTrouble)
}

// bin is what is usual in hour h, learned or supposed.
func (b *Baseline) bin(j, h int) (strangers, through float64) {
	if b.weeks[h] == 0 {
		return b.levelStrangers[j] * b.prior.Shape[h], b.levelThrough[j] * b.prior.Shape[h]
	}
	return b.strangers[j][h].rate(), b.through[j][h].rate()
}

// rate is the usual rate of dynamic requests in hour h.
func (b *Baseline) rate(h int) (dynamic float64) {
	for j := range Streams {
		_, through := b.bin(j, h)
		dynamic += through
	}
	return dynamic
}

// Expected is what is usual in hour h of the week: of strangers the most of the hours around it,
// since days begin earlier and later, and clocks change twice a year.
func (b *Baseline) Expected(h int) Expected {
	h = ((h % hours) + hours) % hours
	var e Expected
	for j := range Streams {
		for d := -1; d <= 1; d++ {
			strangers, through := b.bin(j, (h+d+hours)%hours)
			e.Strangers[j] = max(e.Strangers[j], strangers)
			e.Through[j] = max(e.Through[j], through)
		}
		strangers, through := b.bin(j, h)
		e.Distinct += 10 * strangers
		e.Dynamic += through
	}
	e.Assets = b.assets / max(1, b.dynamic)
	e.Carts = b.carts / max(1, b.dynamic)
	e.Orders = b.orders / max(1, b.dynamic) * e.Dynamic
	e.Waiting, e.Borne, e.Announced = b.waiting, b.borne, 1
	e.Held, e.Bad, e.Crowded = b.held, b.bad, b.crowded
	e.Slow = slow(b.waiting)
	return e
}

// slow is the time from which an answer is bad: four times the usual 95th percentile. The
// baseline knows the mean; the percentile is about twice that where a shop is in health.
func slow(mean float64) time.Duration {
	return time.Duration(min(10, max(1, 4*2*mean)) * float64(time.Second))
}

// mean is the usual rate of dynamic requests over the week.
func (b *Baseline) mean() (dynamic float64) {
	for h := range hours {
		dynamic += b.rate(h) / hours
	}
	return dynamic
}
