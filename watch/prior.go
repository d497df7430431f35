package watch

import "slices"

// Prior is what is supposed of a shop of which nothing is known: the fleet's week, and the means
// of its median shop. A new shop works from its first hour by it.
type Prior struct {
	Shape     [hours]float64   // of the hour of the week, see HourOf; its mean is 1
	Strangers [Streams]float64 // a second
	Through   [Streams]float64
	Assets    float64 // for each dynamic request
	Carts     float64 // of each dynamic request
}

// day is the course of a day of shops in central Europe, in UTC.
var day = [24]float64{.15, .1, .1, .12, .25, .5, .8, 1.1, 1.3, 1.4, 1.4, 1.3, 1.3, 1.35, 1.4, 1.4, 1.45, 1.55, 1.8, 1.9, 1.6, 1, .5, .25}

// DefaultPrior is a small shop in central Europe, with 0.01 visits a second.
func DefaultPrior() *Prior {
	const visits = 0.01
	p := &Prior{
		Strangers: [Streams]float64{Page: 0.55 * visits, Search: 0.09 * visits, Account: 0.02 * visits, Order: 0.03 * visits},
		Through:   [Streams]float64{Page: 3 * visits, Search: 0.9 * visits, Account: 0.35 * visits, Order: 0.7 * visits},
		Assets:    4, Carts: 0.15,
	}
	sum := 0.0
	for _, x := range day {
		sum += x
	}
	for h := range p.Shape {
		p.Shape[h] = day[h%24] * 24 / sum
	}
	return p
}

// PriorOf returns what the shops of a fleet have in common, for those that join it. Of a fleet
// that has not learned a week at leastFleet shops the default is better.
func PriorOf(fleet []*Baseline) *Prior {
	p := DefaultPrior()
	var shops []*Baseline
	for _, b := range fleet {
		if b.learned >= hours {
			shops = append(shops, b)
		}
	}
	if len(shops) < leastFleet {
		return p
	}
	median := func(of func(*Baseline) float64) float64 {
		values := make([]float64, len(shops))
		for i, b := range shops {
			values[i] = of(b)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	sum := 0.0
	for h := range p.Shape {
		p.Shape[h] = median(func(b *Baseline) float64 { return (b.rate(h) + epsilon) / (b.mean() + epsilon) })
		sum += p.Shape[h]
	}
	for h := range p.Shape {
		p.Shape[h] *= hours / sum
	}
	for j := range Streams {
		p.Strangers[j] = median(func(b *Baseline) float64 { return b.levelStrangers[j] })
		p.Through[j] = median(func(b *Baseline) float64 { return b.levelThrough[j] })
	}
	p.Assets = median(func(b *Baseline) float64 { return b.assets / max(1, b.dynamic) })
	p.Carts = median(func(b *Baseline) float64 { return b.carts / max(1, b.dynamic) })
	return p
}

// leastFleet is how many shops have a median.
const leastFleet = 5
