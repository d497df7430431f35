//go:build !race

package watch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/watch"
)

// scenario is what happens to all shops at once.
type scenario struct {
	name  string
	lasts int64
	at    func(i int, l *loop, r *rand.Rand, begin int64) // for each shop
	kind  scenarioKind
	shops int  // that it visits, 0: all
	quick bool // in CI as well
}

type scenarioKind uint8

const (
	ofScrapers  scenarioKind = iota
	ofAttackers              // a campaign: all shops that they visit are at level 2
	ofCarpets                // none, but a carpet: level 2 only where the shop suffers, and that not for long
	ofPeople                 // none: level 2 only where the shop suffers
)

// everywhere are bots at all shops at the same time.
func everywhere(rate, clients float64, streams [watch.Streams]float64) func(int, *loop, *rand.Rand, int64) {
	return func(_ int, l *loop, _ *rand.Rand, begin int64) {
		l.bots = append(l.bots, &bots{begin: begin, end: begin + hour, rate: steady(rate), clients: clients, streams: streams})
	}
}

// tour are bots that stay three minutes at each shop, and are through after an hour.
func tour(rate, clients float64, streams [watch.Streams]float64) func(int, *loop, *rand.Rand, int64) {
	return func(i int, l *loop, _ *rand.Rand, begin int64) {
		if i < stops {
			begin += int64(i) * 3 * minute
			l.bots = append(l.bots, &bots{begin: begin, end: begin + 3*minute, rate: steady(rate), clients: clients, streams: streams})
		}
	}
}

// stops are the shops of a tour.
const stops = 20

var scenarios = []scenario{
	{"nothing", hour, func(int, *loop, *rand.Rand, int64) {}, ofPeople, 0, false},
	{"scrapers of 2,000, 0.5/s a shop", hour, everywhere(0.5, 2000, catalogue), ofScrapers, 0, false},
	{"scrapers of 2,000, 1/s a shop", hour, everywhere(1, 2000, catalogue), ofScrapers, 0, false},
	{"scrapers of 2,000, 2/s a shop", hour, everywhere(2, 2000, catalogue), ofScrapers, 0, false},
	{"scrapers of 2,000, 5/s a shop", hour, everywhere(5, 2000, catalogue), ofScrapers, 0, false},
	{"scrapers of 2,000, 10/s a shop", hour, everywhere(10, 2000, catalogue), ofScrapers, 0, false},
	{"scrapers of 2,000, 20/s a shop", hour, everywhere(20, 2000, catalogue), ofScrapers, 0, false},
	{"carpet of 3,000, pages, 2/s a shop", hour, everywhere(2, 3000, allPages), ofCarpets, 0, true},
	{"carpet of 3,000, searches, 2/s a shop", hour, everywhere(2, 3000, allSearches), ofCarpets, 0, false},
	{"carpet of 10 addresses, pages, 2/s a shop", hour, everywhere(2, 10, allPages), ofScrapers, 0, false},
	{"tour of 20 shops, 50/s of 300", hour + 10*minute, tour(50, 300, allPages), ofAttackers, stops, true},
	{"tour of 20 shops, 8/s of 100", hour + 10*minute, tour(8, 100, allPages), ofAttackers, stops, false},
	{"tour of 20 shops, searches 4/s of 500", hour + 10*minute, tour(4, 500, allSearches), ofAttackers, stops, false},
	{"newsletters of all shops", 3 * hour, func(_ int, l *loop, r *rand.Rand, begin int64) {
		l.crowds = append(l.crowds, newNewsletter(l.size, r, begin+r.Int64N(hour)))
	}, ofPeople, 0, true},
	{"the same crowds without pictures or stamps", 3 * hour, func(_ int, l *loop, r *rand.Rand, begin int64) {
		c := newNewsletter(l.size, r, begin+r.Int64N(hour))
		l.bots = append(l.bots, &bots{begin: begin, end: begin + 3*hour, clients: c.visits, streams: catalogue, rate: func(since int64) float64 { return 5 * c.rate(begin+since) }})
	}, ofScrapers, 0, false},
	{"TV spots of 1,000 people at 10 shops, 0.3 addresses each", hour, func(i int, l *loop, _ *rand.Rand, begin int64) {
		if i < 10 {
			l.crowds = append(l.crowds, &crowd{begin: begin, visits: 1000, tau: 90, known: .1, addresses: .3, atOnce: true})
		}
	}, ofPeople, 10, true},
}

// seen is how a scenario went.
type seen struct {
	one, two, suffering int // shops by their highest level; those that suffered when they rose to 2
	detected            []float64
	harm, worst         float64 // seconds of all shops, and of the one with the most
	asked, pages        float64
	first               []float64 // detected at the first three shops of a tour
}

// play lets a scenario happen on a Monday at 8:00.
func (f *fleet) play(s *scenario) (sum seen) {
	f.forget()
	begin := f.now()
	detected, top, harm := make([]float64, len(f.shops)), make([]shop.Level, len(f.shops)), make([]float64, len(f.shops))
	sick := make([]bool, len(f.shops))
	for i, l := range f.shops {
		detected[i] = -1
		l.untaught = true
		s.at(i, l, rand.New(rand.NewPCG(*seedFlag, uint64(i))), begin)
	}
	f.run(begin+s.lasts, func(i int, l *loop, was shop.Level) {
		top[i] = max(top[i], l.verdict.Level)
		if was < shop.Attack && l.verdict.Level >= shop.Attack && detected[i] < 0 {
			detected[i] = float64(l.now - begin)
			if len(l.bots) > 0 {
				detected[i] = float64(l.now - l.bots[0].begin)
			}
			sick[i] = l.verdict.Sick
		}
		if l.harm {
			harm[i]++
		}
	})
	for i, l := range f.shops {
		l.untaught = false
		sum.harm, sum.worst = sum.harm+harm[i], max(sum.worst, harm[i])
		sum.asked, sum.pages = sum.asked+l.asked, sum.pages+l.pages
		switch {
		case top[i] >= shop.Attack:
			sum.two++
			sum.detected = append(sum.detected, detected[i])
			if i < 3 {
				sum.first = append(sum.first, detected[i])
			}
			if sick[i] {
				sum.suffering++
			}
		case top[i] == shop.Raised:
			sum.one++
		}
	}
	return sum
}

// TestCampaigns plays each scenario with the shops together, and each for itself.
func TestCampaigns(t *testing.T) {
	need.Time(t)
	t.Parallel()
	shops, days, played, ways := 8, int64(4), []scenario(nil), []bool{true}
	for _, s := range scenarios {
		if s.quick {
			played = append(played, s)
		}
	}
	if *shopsFlag > 0 {
		shops, days, played, ways = *shopsFlag, 28, scenarios, []bool{true, false}
	}
	f := newFleet(shops, days)
	w := t.Output()
	fmt.Fprintln(w, "| scenario | shops | campaign after s | carpet after s | level 1 / 2 | suffering | level 2 after median / 95 % s | at the first three | seconds of harm a shop, mean / most | people challenged % |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range played {
		for _, f.coupled = range ways {
			f.forget()
			f.run(f.now()/day*day+day+8*hour, nil)
			begin := f.now()
			r := f.play(&s)
			how, campaign, carpet := "together", "–", "–"
			if !f.coupled {
				how = "alone"
			}
			if len(f.begun) > 0 {
				campaign = fmt.Sprint(f.begun[0] - begin)
			}
			if f.carpeted > 0 {
				carpet = fmt.Sprint(f.carpeted - begin)
			}
			visited := shops
			if s.shops > 0 {
				visited = min(shops, s.shops)
			}
			if *without == "" && f.coupled && s.kind == ofAttackers && (len(f.begun) == 0 || r.two < visited*9/10) {
				t.Errorf("%s: %d campaigns, %d of %d shops at level 2", s.name, len(f.begun), r.two, visited)
			}
			if *without == "" && f.coupled && s.kind == ofCarpets && (f.carpeted == 0 || len(f.begun) > 0 || r.two > r.suffering || r.worst > 60) {
				t.Errorf("%s: carpet after %d s, %d campaigns, %d shops at level 2, %d of them suffer, for %.0f s at the most", s.name, f.carpeted-begin, len(f.begun), r.two, r.suffering, r.worst)
			}
			if *without == "" && s.kind == ofPeople && (len(f.begun) > 0 || r.two > r.suffering) {
				t.Errorf("%s: %d campaigns, %d shops at level 2, %d of them suffer", s.name, len(f.begun), r.two, r.suffering)
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %d / %d | %d | %s | %s | %.1f / %.0f | %.2f |\n", s.name, how, campaign, carpet, r.one, r.two, r.suffering, two(r.detected), two(r.first), r.harm/float64(shops), r.worst, 100*r.asked/max(1, r.pages))
		}
	}
}
