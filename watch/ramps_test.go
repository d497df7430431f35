//go:build !race

package watch_test

import (
	"fmt"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/watch"
)

// lesson is traffic that grows slowly, so that the baseline may take it for usual.
type lesson struct {
	name    string
	days    float64
	times   float64 // the usual requests of a busy hour, at the end
	assets  float64
	stamped float64
}

var lessons = []lesson{
	{"10 × in 2 h, bare", 2.0 / 24, 10, 0, 0},
	{"10 × in 2 h, like browsers", 2.0 / 24, 10, 4, .8},
	{"30 × in a day, bare", 1, 30, 0, 0},
	{"30 × in a day, like browsers", 1, 30, 4, .8},
	{"30 × in 28 days, bare", 28, 30, 0, 0},
	{"30 × in 28 days, like browsers", 28, 30, 4, .8},
	{"30 × in 84 days, bare", 84, 30, 0, 0},
	{"30 × in 84 days, like browsers", 84, 30, 4, .8},
}

// lessonEnd is how a lesson ended at one shop.
type lessonEnd struct {
	raised bool    // level 2
	hours  float64 // after the begin
	share  float64 // of the capacity, at that time
	harm   float64 // seconds before, in the worst ten minutes
	grew   float64 // the busiest hour's expectation
}

// teach runs one lesson.
func (l *loop) teach(x *lesson, warm int64) (end lessonEnd) {
	l.until(warm)
	busiest := func() (most float64) {
		for h := range 168 {
			e := l.baseline.Expected(h)
			most = max(most, e.Strangers[watch.Page])
		}
		return most
	}
	before, begin, lasts := busiest(), l.now, x.days*day
	top := x.times * l.size * 5 * 1.5
	rate := func(since int64) float64 { return top * min(1, float64(since)/lasts) }
	l.bots = append(l.bots, &bots{
		begin: begin, end: begin + int64(lasts) + 2*hour, rate: rate, clients: 3000,
		streams: [watch.Streams]float64{watch.Page: .85, watch.Search: .15}, assets: x.assets, stamped: x.stamped,
	})
	harm := 0.0
	for l.now < begin+int64(lasts)+2*hour && !end.raised {
		if (l.now-begin)%(10*minute) == 0 {
			harm = 0
		}
		l.step()
		if l.harm {
			harm++
			end.harm = max(end.harm, harm)
		}
		end.raised = l.verdict.Level >= 2
	}
	end.hours, end.share, end.grew = float64(l.now-begin)/hour, rate(l.now-begin)/l.capacity, busiest()/before
	return end
}

// TestRamps: traffic that grows slowly is seen before it hurts for a minute within ten, or it
// does not hurt.
func TestRamps(t *testing.T) {
	need.Time(t)
	t.Parallel()
	shops, days, most, sizes := 2, int64(4), 0.1, []float64{0.5}
	if *shopsFlag > 0 {
		shops, days, most, sizes = *shopsFlag, 28, 84, []float64{0.02, 0.5}
	}
	w := t.Output()
	fmt.Fprintln(w, "| ramp | visits a second | level 2 in | after h, median | at this part of the capacity | seconds of harm in the worst ten minutes before, median / 95 % | harm > 60 s | the usual grew × |\n|---|---|---|---|---|---|---|---|")
	for _, size := range sizes {
		for _, x := range lessons {
			if x.days > most {
				continue
			}
			var hours, share, harm, grew []float64
			bad := 0
			for _, e := range sideBySide(shops, func(i int) lessonEnd {
				l := newLoop(6000+*seedFlag*1000+uint64(i), size)
				l.fault = fault(*without)
				return l.teach(&x, days*day)
			}) {
				if e.raised {
					hours, share = append(hours, e.hours), append(share, e.share)
				}
				harm, grew = append(harm, e.harm), append(grew, e.grew)
				if e.harm > 60 {
					bad++
				}
			}
			fmt.Fprintf(w, "| %s | %v | %d of %d | %.1f | %.2f | %s | %d | %.2f |\n", x.name, size, len(hours), shops, quantile(hours, .5), quantile(share, .5), two(harm), bad, quantile(grew, .5))
			if bad > 0 && *without == "" {
				t.Errorf("%s at %v visits/s hurts for more than a minute within ten at %d of %d shops", x.name, size, bad, shops)
			}
		}
	}
}
