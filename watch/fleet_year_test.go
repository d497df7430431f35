//go:build !race

package watch_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
)

var (
	swarmsFlag = flag.Float64("swarms", 0, "how many scraper swarms a year visit all shops at once, in TestFleet")
	aloneFlag  = flag.Bool("alone", false, "each shop for itself in TestFleet, without campaigns")
)

// TestFleet: what happens by chance at several shops at once is no campaign. The long run is
// that of TestYear with campaigns, and with swarms that visit all shops:
// -shops 300 -days 60 -swarms 12.
func TestFleet(t *testing.T) {
	need.Time(t)
	t.Parallel()
	shops, days := 4, int64(2)
	if *shopsFlag > 0 {
		shops = *shopsFlag
	}
	if *daysFlag > 0 {
		days = int64(*daysFlag)
	}
	f := newFleet(shops, learned)
	f.coupled = !*aloneFlag
	f.forget()
	r := rand.New(rand.NewPCG(*seedFlag, 77))
	var correlated []event
	for range poisson(r, *swarmsFlag*float64(days)/365) {
		correlated = append(correlated, event{occasion: swarm, begin: f.now() + r.Int64N(days*day)})
	}
	sums := make([]tally, shops)
	for i, l := range f.shops {
		events := calendar(l.world, rand.New(rand.NewPCG(*seedFlag, uint64(i))), days)
		for _, c := range correlated {
			c.by(newSwarm(rand.New(rand.NewPCG(*seedFlag, uint64(c.begin))), c.begin)) // the same at each shop
			events = append(events, c)
		}
		slices.SortFunc(events, func(a, b event) int { return int(a.begin - b.begin) })
		f.days[i] = diary{events: events}
		sums[i] = tally{shops: 1, days: float64(days), reasons: map[string]float64{}}
		for _, e := range events {
			sums[i].events[e.occasion]++
		}
	}
	f.run(f.now()+days*day, func(i int, l *loop, was shop.Level) { sums[i].note(l, int(was), &f.days[i]) })
	sum := tally{reasons: map[string]float64{}}
	for i, l := range f.shops {
		sums[i].pages, sums[i].asked, sums[i].bad = l.pages, l.asked, l.hurt
		sum.add(&sums[i])
	}
	sum.print(t)
	fmt.Fprintf(t.Output(), "%d swarms at all shops; %d campaigns a year, %.1f %% of the time in posture, %.1f h a year in which a carpet is seen, at most at %d shops at once\n",
		len(correlated), int(float64(len(f.begun))*365/float64(days)), 100*f.seconds/float64(days*day), f.carpets/hour*365/float64(days), f.seesAlone)
}
