//go:build !race

package watch_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// peak is a crowd that a shop bears: its servers have the room.
type peak struct {
	name      string
	times     float64 // the usual
	announced float64
	known     float64 // share of the crowd with stamps
	addresses float64 // for each newcomer
	spot      float64 // people that come within a minute or two instead, 0: none
}

var peaks = []peak{
	{name: "2 ×", times: 2, known: .5, addresses: 1},
	{name: "5 ×", times: 5, known: .5, addresses: 1},
	{name: "10 ×", times: 10, known: .5, addresses: 1},
	{name: "10 ×, nine tenths new", times: 10, known: .1, addresses: 1},
	{name: "20 ×", times: 20, known: .5, addresses: 1},
	{name: "3 × as announced", times: 3, announced: 3, known: .5, addresses: 1},
	{name: "20 ×, 10 × announced", times: 20, announced: 10, known: .5, addresses: 1},
	{name: "TV spot, 1,000 people", spot: 1000, known: .1, addresses: 1},
	{name: "TV spot, 1,000 people, 0.3 addresses each", spot: 1000, known: .1, addresses: .3},
	{name: "TV spot, 4,000 people", spot: 4000, known: .1, addresses: 1},
	{name: "TV spot, 4,000 people, 0.3 addresses each", spot: 4000, known: .1, addresses: .3},
	{name: "10 ×, 0.3 addresses each", times: 10, known: .5, addresses: .3},
}

// reaction is what a crowd led to, at all shops.
type reaction struct {
	levels    [5]int // shops, by their highest level
	asked     float64
	suffering int // shops with harm
	why       string
}

func (r *reaction) add(o *reaction) {
	for i, n := range o.levels {
		r.levels[i] += n
	}
	r.asked, r.suffering = r.asked+o.asked, r.suffering+o.suffering
	if o.why != "" {
		r.why = o.why
	}
}

// welcome lets the crowd come for an hour and a half. Where the shop bears it, its servers and
// its limits have the room.
func (l *loop) welcome(p *peak, bears bool) (r reaction) {
	l.forget()
	begin := l.now
	c := &crowd{begin: begin, visits: (p.times - 1) * l.size * 1.4 * 900 * math.E, tau: 900, known: p.known, addresses: p.addresses}
	if p.spot > 0 {
		c = &crowd{begin: begin, visits: p.spot, tau: 90, known: p.known, addresses: p.addresses, atOnce: true}
	}
	had := l.backend
	if bears {
		l.capacity, l.roomy = max(l.capacity, 30*l.size*5*2.5, 40*c.peak()), true
	}
	l.crowds = append(l.crowds, c)
	l.asked = 0
	l.announced, l.untaught = p.announced, true
	top, harmed := shop.Calm, 0
	for l.now < begin+90*minute {
		l.step()
		if l.verdict.Level > top {
			top = l.verdict.Level
			if top >= shop.Attack {
				r.why = l.verdict.Why.String() + ", " + l.verdict.Now.Sign.String()
			}
		}
		if l.harm {
			harmed = 1
		}
	}
	l.backend, l.announced, l.untaught = had, 0, false
	l.forget()
	r.levels[top]++
	r.asked, r.suffering = l.asked, harmed
	return r
}

// peak is the most visits a second.
func (c *crowd) peak() (most float64) {
	for i := range int64(4 * c.tau) {
		most = max(most, c.rate(c.begin+i))
	}
	return most
}

// TestPeaks: crowds that the shop bears never lead to level 2, and nobody is challenged. Those
// that it does not bear may.
func TestPeaks(t *testing.T) {
	t.Parallel()
	shops, days, sizes, crowds := 2, int64(5), []float64{0.3}, peaks[7:]
	if *shopsFlag > 0 {
		shops, days, sizes, crowds = *shopsFlag, 28, []float64{0.02, 0.3}, peaks[:]
	}
	w := t.Output()
	fmt.Fprintln(w, "| crowd | visits a second | pictures | borne: level 0 / 1 / 2 / more | challenged | not borne: level 0 / 1 / 2 / more | suffering | why level 2 |\n|---|---|---|---|---|---|---|---|")
	for _, size := range sizes {
		for _, pictures := range []float64{1, 0.05} {
			both := make([][2]reaction, len(crowds))
			for _, one := range sideBySide(shops, func(i int) [][2]reaction {
				l := newLoop(7000+*seedFlag*1000+uint64(i), size)
				l.pictures, l.fault = pictures, fault(*without)
				l.until(days * day)
				all := make([][2]reaction, len(crowds))
				for i := range crowds {
					for k, bears := range []bool{true, false} {
						l.until(l.now + 5*hour)
						all[i][k] = l.welcome(&crowds[i], bears)
					}
				}
				return all
			}) {
				for i := range one {
					both[i][0].add(&one[i][0])
					both[i][1].add(&one[i][1])
				}
			}
			for i, r := range both {
				b, o := r[0].levels, r[1].levels
				fmt.Fprintf(w, "| %s | %v | %v | %d / %d / %d / %d | %.0f | %d / %d / %d / %d | %d | %s |\n", crowds[i].name, size, pictures == 1,
					b[0], b[1], b[2], b[3]+b[4], r[0].asked, o[0], o[1], o[2], o[3]+o[4], r[1].suffering, r[1].why)
				if calm := b[0] + b[1]; *without == "" && (calm < shops || r[0].asked > 0) {
					t.Errorf("%s at %v visits/s is borne, and %d of %d shops are at level 2, %.0f people challenged: %s", crowds[i].name, size, shops-calm, shops, r[0].asked, r[0].why)
				}
			}
		}
	}
}

// TestPulses: each relapse doubles the hold, so that pulses over half a day raise the level
// once or a few times.
func TestPulses(t *testing.T) {
	t.Parallel()
	shops, days := 2, int64(5)
	if *shopsFlag > 0 {
		shops, days = *shopsFlag, 35
	}
	w := t.Output()
	fmt.Fprintln(w, "| 30 s of 500/s each | pulses in 12 h | rises to level 2 | seconds of harm | hours at level 2 |\n|---|---|---|---|---|")
	for _, every := range []int64{2 * minute, 15 * minute, 40 * minute} {
		type outcome struct{ rises, harm, seconds float64 }
		var sum outcome
		for _, o := range sideBySide(shops, func(i int) (o outcome) {
			l := newLoop(8000+uint64(i), 0.05)
			l.until(days * day)
			l.bots = append(l.bots, &bots{begin: l.now, end: l.now + 12*hour, clients: 1000, streams: [watch.Streams]float64{watch.Page: 1}, rate: func(since int64) float64 {
				if since%every < 30 {
					return 500
				}
				return 0
			}})
			for end := l.now + 12*hour; l.now < end; {
				was := int(l.verdict.Level)
				l.step()
				if l.verdict.Level >= 2 {
					o.seconds++
					if was < 2 {
						o.rises++
					}
				}
				if l.harm {
					o.harm++
				}
			}
			return o
		}) {
			sum.rises, sum.harm, sum.seconds = sum.rises+o.rises, sum.harm+o.harm, sum.seconds+o.seconds
		}
		n := float64(shops)
		fmt.Fprintf(w, "| %d min | %d | %.1f | %.0f | %.1f |\n", every/minute, 12*hour/every, sum.rises/n, sum.harm/n, sum.seconds/n/hour)
		if sum.rises/n > 4 {
			t.Errorf("pulses each %d min: %.1f rises to level 2", every/minute, sum.rises/n)
		}
	}
}
