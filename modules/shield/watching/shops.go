package watching

import (
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// watched is what this edge knows of a shop.
type watched struct {
	Shop
	present bool // in the configuration in force

	baseline *watch.Baseline
	known    bool // the baseline that edges have kept was read, or there is none
	unkept   bool // it has learned an hour since it was kept
	usual    watch.Expected

	all, own watch.State // by what all edges count, and by what this one counts alone
	verdict  watch.Verdict
	second   watch.Second
	hot      int64    // the last second with a sign of attack
	sources  *sources // nil: the shop is calm

	said   shop.Level // that this edge has set last
	saidAt int64
	taken  int64 // when a level was taken over that another edge has raised
}

// meet takes in which shops the configuration in force has. What was learned of another is
// kept until the process ends: a reload may bring it back.
func (w *Watcher) meet(shops []Shop) {
	for _, s := range w.shops {
		s.present = false
	}
	for _, one := range shops {
		s := w.shops[one.ID]
		if s == nil {
			s = &watched{baseline: watch.NewBaseline(w.prior)}
			w.shops[one.ID] = s
			s.expect(w.hour)
		}
		s.Shop, s.present = one, true
		s.Tally.SetSlow(s.usual.Slow)
	}
}

// expect looks up what is usual in the hour, counted since 1970.
func (s *watched) expect(hour int64) { s.usual = s.baseline.Expected(watch.HourOf(hour * 3600)) }

// turnHour ends the hour, if it is over, and learns from it.
func (w *Watcher) turnHour(now int64) {
	hour := now / 3600
	if hour == w.hour {
		return
	}
	ended := w.hour
	w.hour = hour
	for _, s := range w.shops {
		if ended > 0 {
			s.baseline.Hour(watch.HourOf(ended * 3600))
			s.unkept = true
		}
		s.expect(hour)
	}
	if hour%24 == 0 {
		w.prior = w.fleet()
	}
}

// fleet is what the shops have in common.
func (w *Watcher) fleet() *watch.Prior {
	baselines := make([]*watch.Baseline, 0, len(w.shops))
	for _, s := range w.shops {
		baselines = append(baselines, s.baseline)
	}
	return watch.PriorOf(baselines)
}

// settings are those of the rule for a shop with floors of its own.
func (s *Shop) settings(set watch.Settings) watch.Settings {
	for j, floor := range s.Floor {
		if floor > 0 {
			set.Floor[j] = floor
		}
	}
	return set
}

// isInTrouble reports whether what happens at the shop belongs to an attack, or might.
func (s *watched) isInTrouble(at int64) bool {
	return s.Level.Level > shop.Calm || s.verdict.Level > shop.Calm || s.wasHot(at)
}

// wasHot reports whether there was a sign of attack of late.
func (s *watched) wasHot(at int64) bool { return s.hot > 0 && at-s.hot < int64(aftermath/time.Second) }

// aftermath is for how long a shop is looked at after the last sign of an attack. It is longer
// than an incident stays open.
const aftermath = 10 * time.Minute
