package anycast

import (
	"maps"
	"slices"
	"time"
)

// How long an edge hands on what is not its own. Routers spread flows anew when an edge leaves
// or returns, also those of edges that did neither.
const (
	drainWindow  = 10 * time.Minute // after another edge has left, while it has connections
	returnWindow = 2 * time.Minute  // after an edge has come
	quietWindow  = time.Minute      // after an edge has fallen silent
)

// window is a time during which connections of an edge may arrive at others.
type window struct {
	edge  string
	until time.Time
}

func (e *Edge) open(now time.Time, edge string, length time.Duration) {
	e.windows = slices.DeleteFunc(e.windows, func(w window) bool { return w.edge == edge || !now.Before(w.until) })
	e.windows = append(e.windows, window{edge, now.Add(length)})
}

// watchChange opens a window when another edge leaves or comes, and closes that of an edge
// that has left and has no connections any more.
func (e *Edge) watchChange(now time.Time, o *other, f Fact) {
	was, is := o.fact.State.HasRoutes(), f.State.HasRoutes()
	switch {
	case !was && is:
		e.open(now, f.Edge, returnWindow)
	case was && !is:
		e.open(now, f.Edge, drainWindow)
	case !is && f.Connections == 0:
		e.windows = slices.DeleteFunc(e.windows, func(w window) bool { return w.edge == f.Edge })
	}
}

// watch opens a window when another edge falls silent.
func (e *Edge) watch(now time.Time) {
	for _, name := range slices.Sorted(maps.Keys(e.others)) {
		o := e.others[name]
		if !o.quiet && !o.at.IsZero() && !o.fresh(now) {
			o.quiet = true
			if o.fact.State.HasRoutes() {
				e.open(now, name, quietWindow)
			}
		}
	}
}

// handOn is until when a window is open; zero: none is.
func (e *Edge) handOn(now time.Time) (until time.Time) {
	for _, w := range e.windows {
		if now.Before(w.until) && until.Before(w.until) {
			until = w.until
		}
	}
	return until
}
