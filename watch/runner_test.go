package watch_test

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/theriac-edge/theriac/watch"
)

// The long runs: go test ./watch -v -run TestYear -shops 300 -days 120
var (
	shopsFlag    = flag.Int("shops", 0, "how many of the 300 shops the simulation has, 0: a few, as in CI")
	daysFlag     = flag.Int("days", 0, "how many days the simulation lasts, 0: a few, as in CI")
	seedFlag     = flag.Uint64("seed", 1, "another seed is another world")
	picturesFlag = flag.String("pictures", "", "here or elsewhere: where all shops have their pictures, instead of nine tenths here")
	edgesFlag    = flag.String("edges", "", "loss, third or apart: what the rule sees of the edges")
	without      = flag.String("without", "", "what the rule is deprived of in the long runs: assets, breadth, health, trouble")
)

// loop is a shop that is watched: what arrives is counted, the rule decides, and its level
// acts on what arrives next.
type loop struct {
	*world
	baseline  *watch.Baseline
	state     watch.State
	settings  watch.Settings
	usual     watch.Expected
	verdict   watch.Verdict
	announced float64 // how many times the usual is announced, 0: nothing is
	untaught  bool    // this time teaches the baseline nothing
	posture   watch.Posture
	share     int                 // edges that see a part each and know it, 0: it sees all
	view      func(*watch.Second) // what the edges lose of a second on its way to the rule
	fault     fault
}

func newLoop(seed uint64, size float64) *loop {
	return &loop{world: newWorld(seed, size), baseline: watch.NewBaseline(watch.DefaultPrior()), settings: watch.Defaults()}
}

// level is what the edges act on.
func (l *loop) level() int { return int(max(l.verdict.Level, l.posture.Least)) }

// step makes one second. Quiet is true if nothing went on and nothing is remembered.
func (l *loop) step() (s watch.Second, quiet bool) {
	now := l.now
	if now%hour == 0 {
		if now > 0 {
			l.baseline.Hour(watch.HourOf(now - 1))
		}
		l.usual = l.baseline.Expected(watch.HourOf(now))
	}
	s, quiet = l.second(l.level())
	if quiet && l.view == nil && l.state.Idle() {
		l.baseline.Quiet(1)
		return s, true
	}
	seen, usual := s, l.usual
	if l.view != nil {
		l.view(&seen)
	}
	if l.share > 0 {
		usual = usual.Share(l.share)
	}
	if l.announced > 0 {
		usual.Announced = l.announced
	}
	settings := l.posture.Apply(l.settings)
	l.fault.plant(&seen, &usual, &settings)
	l.verdict = l.state.Step(now, &seen, &usual, &settings)
	l.baseline.Note(&seen, l.verdict.Level, l.verdict.Sick, l.untaught || l.announced > 0)
	return s, false
}

// until runs to this second.
func (l *loop) until(end int64) {
	for l.now < end {
		l.step()
	}
}

// forget ends what the rule remembers of the last hours.
func (l *loop) forget() {
	l.state, l.verdict = watch.State{}, watch.Verdict{}
}

// fault is a signal that the rule is deprived of, to see what it is good for.
type fault string

const (
	noAssets  fault = "assets"
	noBreadth fault = "breadth"
	noHealth  fault = "health"
	noTrouble fault = "trouble"
)

func (f fault) plant(s *watch.Second, e *watch.Expected, c *watch.Settings) {
	switch f {
	case noAssets:
		e.Assets = 0
	case noBreadth:
		c.Many, c.SickMany = 0, 0
	case noHealth:
		s.Bad, s.Crowded, s.Waiting = 0, 0, 0
	case noTrouble:
		e.Held, e.Bad, e.Crowded = 0, 0, 0
	}
}

// sideBySide does n things on all processors.
func sideBySide[T any](n int, do func(int) T) []T {
	done := make([]T, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				done[i] = do(i)
			}
		})
	}
	workers.Wait()
	return done
}
