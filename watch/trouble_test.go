//go:build !race

package watch_test

import (
	"fmt"
	"testing"
)

// habit is what looks like suffering at a shop at ordinary times.
type habit struct {
	name  string
	of    func(*loop)
	quick bool // in CI as well
}

var habits = []habit{
	{"nothing", func(*loop) {}, false},
	{"20 long polls", func(l *loop) { l.polls.usual = 20 }, true},
	{"100 long polls", func(l *loop) { l.polls.usual = 100 }, false},
	{"a zone for a quarter of the searches", func(l *loop) { l.zone = zone{rate: 0.2 * l.size, burst: 3, tokens: 3} }, true},
}

// accustomed is how a shop with a habit fares.
type accustomed struct {
	sick, refused, late float64 // share of the time; requests a second
	crowd               reaction
	trial
}

// ordinary lets two days go by.
func (a *accustomed) ordinary(l *loop) {
	const lasts = 2 * day
	for end := l.now + lasts; l.now < end; {
		s, _ := l.step()
		if l.verdict.Sick {
			a.sick += 1.0 / lasts
		}
		a.refused += float64(s.Crowded) / lasts
		a.late += float64(s.Bad) / lasts
	}
}

// TestTroubleAsUsual: what looks like suffering every day is no suffering once it is learned. Such a
// shop bears a newsletter as any other, and is protected as any other.
func TestTroubleAsUsual(t *testing.T) {
	t.Parallel()
	shops, days, sizes := 1, int64(3), []float64{0.3}
	if *shopsFlag > 0 {
		shops, days, sizes = *shopsFlag, 28, []float64{0.02, 0.3}
	}
	w := t.Output()
	fmt.Fprintln(w, "| at ordinary times | visits a second | refused and late a second | sick % of the time | if it is not learned | 3 × the usual: level 2 | GET 200/s: level 2 after s | effective after s |\n|---|---|---|---|---|---|---|---|")
	for _, size := range sizes {
		for _, h := range habits {
			if *shopsFlag == 0 && !h.quick {
				continue
			}
			var sick, blind, refused, late, raised float64
			var detected, effective []float64
			for _, a := range sideBySide(shops, func(i int) (as [2]accustomed) {
				for k, f := range []fault{noTrouble, ""} {
					l := newLoop(9000+*seedFlag*1000+uint64(i), size)
					l.fault, l.pictures = f, 1
					h.of(l)
					l.until(days * day)
					as[k].ordinary(l)
					if f == "" {
						l.until(l.now/day*day + 9*hour)
						as[k].crowd = l.welcome(&peak{times: 3, known: .7, addresses: 1}, true)
						l.until(l.now + hour)
						as[k].trial = l.suffer(&bareFloods[2])
					}
				}
				return as
			}) {
				n := 1 / float64(shops)
				blind, sick = blind+n*a[0].sick, sick+n*a[1].sick
				refused, late = refused+n*a[1].refused, late+n*a[1].late
				raised += float64(a[1].crowd.levels[2] + a[1].crowd.levels[3] + a[1].crowd.levels[4])
				detected, effective = append(detected, a[1].detected), append(effective, a[1].effective)
			}
			fmt.Fprintf(w, "| %s | %v | %.2f, %.2f | %.2f | %.1f | %.0f of %d | %s | %s |\n", h.name, size, refused, late, 100*sick, 100*blind, raised, shops, two(detected), two(effective))
			if sick > 0.03 || raised > 0 || quantile(detected, .95) > 15 {
				t.Errorf("%s at %v visits/s: sick %.1f %% of the time, newsletters lead to level 2 at %.0f of %d shops, a flood is detected after %s s", h.name, size, 100*sick, raised, shops, two(detected))
			}
			if h.quick && size > 0.1 && blind < 5*sick {
				t.Errorf("%s at %v visits/s: sick %.1f %% of the time if it is not learned, and %.1f %% else", h.name, size, 100*blind, 100*sick)
			}
		}
	}
}
