//go:build !race

package watch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// learned is how many days at the begin are not counted.
const learned = 14

// tally counts what the rule said in a shop's days, by what went on.
type tally struct {
	shops, days       float64
	events            [occasions]float64
	one, two, more    [occasions]float64 // rises to level 1, 2, 3 and 4
	suffering         [occasions]float64 // of two, while the shop did
	hoursTwo          [occasions]float64
	hoursOne          float64
	pages, asked, bad float64
	reasons           map[string]float64
}

func (a *tally) add(b *tally) {
	a.shops, a.days = a.shops+b.shops, b.days
	for o := range occasions {
		a.events[o] += b.events[o]
		a.one[o] += b.one[o]
		a.two[o] += b.two[o]
		a.more[o] += b.more[o]
		a.suffering[o] += b.suffering[o]
		a.hoursTwo[o] += b.hoursTwo[o]
	}
	a.hoursOne += b.hoursOne
	a.pages, a.asked, a.bad = a.pages+b.pages, a.asked+b.asked, a.bad+b.bad
	for why, n := range b.reasons {
		a.reasons[why] += n
	}
}

func (a *tally) years() float64 { return a.shops * a.days / 365 }

// live runs a shop for so many days, with what goes on in a year or nothing of it.
func live(i int, size float64, days int64, eventful bool, f fault) *tally {
	l := newLoop(*seedFlag*1000+uint64(i), size)
	l.fault = f
	edges(*edgesFlag).attach(l)
	var events []event
	if eventful {
		events = calendar(l.world, rand.New(rand.NewPCG(*seedFlag, uint64(i))), days)
	}
	t := &tally{shops: 1, days: float64(days - learned), reasons: map[string]float64{}}
	for i := range events {
		if events[i].begin >= learned*day {
			t.events[events[i].occasion]++
		}
	}
	d := diary{events: events}
	for l.now < days*day {
		d.turn(l)
		was := int(l.verdict.Level)
		if _, quiet := l.step(); !quiet && l.now > learned*day {
			t.note(l, was, &d)
		}
		if l.now == learned*day {
			l.pages, l.asked, l.hurt = 0, 0, 0
		}
	}
	t.pages, t.asked, t.bad = l.pages, l.asked, l.hurt
	return t
}

func (a *tally) note(l *loop, was int, d *diary) {
	is := int(l.verdict.Level)
	if is == 0 {
		return
	}
	o := explains(d.events, l.now-1)
	switch {
	case is > was && is == 1:
		a.one[o]++
	case is > was && is == 2:
		a.two[o]++
		a.reasons[o.String()+": "+l.verdict.Why.String()+", "+l.verdict.Now.Sign.String()]++
		if l.verdict.Sick {
			a.suffering[o]++
		}
	case is > was:
		a.more[o]++
	}
	if is == 1 {
		a.hoursOne += 1.0 / hour
	} else {
		a.hoursTwo[o] += 1.0 / hour
	}
}

// TestYear: on ordinary days, and when stamps are lost, no shop is at level 2. The long run
// shows how often it is on other occasions.
func TestYear(t *testing.T) {
	need.Time(t)
	t.Parallel()
	shops, days := 6, int64(learned+5)
	if *shopsFlag > 0 {
		shops = *shopsFlag
	}
	if *daysFlag > 0 {
		days = int64(*daysFlag)
	}
	sum := tally{reasons: map[string]float64{}}
	for _, s := range sideBySide(shops, func(i int) *tally {
		return live(i, sizes()[i%300], days, true, fault(*without))
	}) {
		sum.add(s)
	}
	sum.print(t)
	if *without == "" {
		sum.check(t)
	}
}

// check holds the figures against what is demanded of them, in times a shop-year; three standard
// deviations are chance.
func (a *tally) check(t *testing.T) {
	years := a.years()
	for o, most := range map[occasion]float64{ordinary: 0, stampsLost: 0, crawler: 0.3, swarm: 3, newsletter: 1, tvSpot: 1} {
		if n := a.two[o]; n > most*years+3*math.Sqrt(most*years) {
			t.Errorf("%v: level 2 %v times in %.1f shop-years, want at most %v a shop-year", o, n, years, most)
		}
	}
	for _, o := range []occasion{newsletter, tvSpot} {
		if a.two[o] > a.suffering[o] {
			t.Errorf("%v: level 2 %v times, while the shop suffered %v times", o, a.two[o], a.suffering[o])
		}
	}
}

func (a *tally) print(t *testing.T) {
	w, years := t.Output(), a.years()
	fmt.Fprintf(w, "%.0f shops, %.0f days, %.1f shop-years\n\n| a shop-year |", a.shops, a.days, years)
	for o := range occasions {
		fmt.Fprintf(w, " %v |", o)
	}
	fmt.Fprint(w, " all |\n|---|")
	for range occasions + 1 {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for _, row := range []struct {
		name string
		of   *[occasions]float64
	}{
		{"how often it goes on", &a.events},
		{"rises to level 1", &a.one},
		{"rises to level 2", &a.two},
		{"of these while the shop suffered", &a.suffering},
		{"rises to level 3 or 4", &a.more},
		{"hours at level 2 and above", &a.hoursTwo},
	} {
		fmt.Fprintf(w, "| %s |", row.name)
		all := 0.0
		for _, n := range row.of {
			fmt.Fprintf(w, " %.2f |", n/years)
			all += n
		}
		fmt.Fprintf(w, " %.2f |\n", all/years)
	}
	fmt.Fprintf(w, "\n%.0f h a shop-year at level 1; of %.1f M pages of people %.3f %% were challenged and %.3f %% served badly\n", a.hoursOne/years, a.pages/1e6, 100*a.asked/a.pages, 100*a.bad/a.pages)
	for why, n := range a.reasons {
		fmt.Fprintf(w, "%.0f × %s\n", n, why)
	}
}
