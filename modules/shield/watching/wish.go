package watching

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// wish is a level that is to be put in force.
type wish struct {
	id    shop.ID
	level shop.Level
	why   levels.Why
	since time.Time // when the attack began; zero: it is not known
}

// again is after how many seconds an edge that leads says once more what holds: a level ends by
// itself when no edge says so any more.
const again = 60

// decide finds out whether the level of a shop is to change.
func (j *judgment) decide(s *watched) {
	known := s.Level.Watched
	if j.lead.Role == counters.Following {
		s.saidAt = 0
		if s.Acts && j.alone.Need > known {
			j.say(s, j.alone.Need, &j.alone)
		}
		return
	}
	mine := s.saidAt > 0
	switch is := s.verdict.Level; {
	case !s.Acts && known > shop.Calm: // it was until the last reload
		j.say(s, shop.Calm, &s.verdict)
	case !s.Acts:
	case s.verdict.Need > known, mine && is > known && s.said > known: // it is new, or the store has lost it
		j.say(s, is, &s.verdict)
	case is < known && mine && s.said == known:
		j.say(s, is, &s.verdict)
	case is < known: // another edge has seen an attack
		s.all.TakeOver(j.at, watch.Held{Level: known, Since: j.at, Cause: j.causeOf(s)})
		s.said, s.saidAt, s.taken = known, j.at, j.at
	case known > shop.Calm && j.at-s.saidAt >= again:
		j.say(s, known, &s.verdict)
	}
}

// causeOf is why another edge has raised the level.
func (j *judgment) causeOf(s *watched) watch.Cause {
	cause := watch.Cause{Onset: j.at}
	if !s.Level.Since.IsZero() {
		cause.Onset = s.Level.Since.Unix()
	}
	if why, ok := j.edge.Why(s.ID); ok {
		cause.Why, _ = watch.ParseWhy(why.Reason)
		cause.Vector, _ = watch.ParseVector(why.Vector)
	}
	return cause
}

// say has a level put in force.
func (j *judgment) say(s *watched, level shop.Level, v *watch.Verdict) {
	s.said, s.saidAt = level, j.at
	one := wish{id: s.ID, level: level, why: levels.Why{Reason: v.Why.String(), Words: v.Words()}}
	if v.Now.Why != watch.WhyNothing {
		one.why.Reason = v.Now.Why.String()
	}
	if level > shop.Calm {
		one.why.Vector = v.Vector.String()
	}
	if level >= shop.Attack && v.Onset > 0 {
		one.since = time.Unix(v.Onset, 0)
	}
	if level != s.Level.Watched {
		changes.count(s.ID, level, one.why.Reason)
	}
	j.wishes = append(j.wishes, one)
}

// together is how many shops are told of at the same time.
const together = 16

// putInForce has all edges know the levels, and waits until they do, or until the store has had
// its time.
func (w *Watcher) putInForce(ctx context.Context, edge Edge, wishes []wish) {
	var all errgroup.Group
	all.SetLimit(together)
	for _, one := range wishes {
		all.Go(func() error {
			err := errors.Join(
				edge.SetWhy(ctx, one.id, one.why),
				edge.SetWatched(ctx, one.id, one.level, one.since))
			if err != nil && ctx.Err() == nil {
				edge.Failed("telling the edges the level of "+string(one.id), err)
			}
			return nil
		})
	}
	_ = all.Wait() // no function returns an error
}
