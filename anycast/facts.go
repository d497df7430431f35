package anycast

import (
	"time"
)

// Fact is what an edge says of itself to the others, each second. At most about 200 bytes.
//
// An edge that wants to leave says so as a wish, with a Lamport time, and leaves when enough
// others have seen the wish and stay. Of two wishes the earlier goes first, and each edge that
// has seen it counts the other one as gone. That is mutual exclusion after Ricart and
// Agrawala (CACM 24, 1981), with len(Edges) - Keep places: lost, late and repeated facts delay
// a withdrawal, and never let too many leave.
type Fact struct {
	Edge  string `json:"edge"`
	Seq   uint64 `json:"seq"` // grows with each fact, over restarts as well
	State State  `json:"state"`

	Wish  uint64            `json:"wish,omitempty"` // Lamport time of the wish to leave; 0: none
	Clock uint64            `json:"clock"`          // the Lamport clock
	Saw   map[string]uint64 `json:"saw,omitempty"`  // the wishes of others that it knows

	Connections int `json:"connections,omitempty"`

	// What arrives at the edge, and what it can take, in bits per second; 0: not known.
	Load     float64 `json:"load,omitempty"`
	Capacity float64 `json:"capacity,omitempty"`
}

// other is what is known of another edge.
type other struct {
	fact  Fact
	at    time.Time // when it was heard; zero: never
	quiet bool      // its silence has been noticed
}

func (o *other) fresh(now time.Time) bool { return !o.at.IsZero() && now.Sub(o.at) <= Fresh }

// Hear takes a fact of another edge. It reports false for one that is late, repeated, or of an
// edge that the tier does not have.
func (e *Edge) Hear(now time.Time, f Fact) bool {
	o := e.others[f.Edge]
	if o == nil || f.Seq <= o.fact.Seq {
		return false
	}
	e.watchChange(now, o, f)
	o.fact, o.at, o.quiet = f, now, false
	e.clock = max(e.clock, f.Clock, f.Wish)
	return true
}

// Fact returns what this edge says next. What is measured is the caller's to add.
func (e *Edge) Fact() Fact {
	e.seq++
	f := Fact{Edge: e.tier.Edge, Seq: e.seq, State: e.state, Wish: e.wish, Clock: e.clock, Connections: e.connections}
	for name, o := range e.others {
		if o.fact.Wish == 0 {
			continue
		}
		if f.Saw == nil {
			f.Saw = map[string]uint64{}
		}
		f.Saw[name] = o.fact.Wish
	}
	return f
}

// Others returns the last fact of each other edge that is heard.
func (e *Edge) Others(now time.Time) map[string]Fact {
	all := map[string]Fact{}
	for name, o := range e.others {
		if o.fresh(now) {
			all[name] = o.fact
		}
	}
	return all
}

// staying counts the other edges that are sure to stay when this one leaves: heard, with
// routes, aware of this edge's wish, and without an earlier wish of their own.
func (e *Edge) staying(now time.Time) (n int) {
	for name, o := range e.others {
		f := o.fact
		if o.fresh(now) && f.State.HasRoutes() && f.Saw[e.tier.Edge] == e.wish && !e.isBefore(name, f.Wish) {
			n++
		}
	}
	return n
}

// isBefore reports whether the wish of another edge goes before that of this one.
func (e *Edge) isBefore(name string, wish uint64) bool {
	return wish != 0 && (wish < e.wish || wish == e.wish && name < e.tier.Edge)
}
