// Package anycast decides what one edge of an anycast tier announces, and why.
//
// It is arithmetic: facts of the edges and the time are arguments, an announcement and its
// reason are the result. Package speaker tells the routers, cmd/anycastd measures. An edge
// that cannot be sure of the others stays announced: no health check, no drain and no silence
// between the edges takes the last ones off the net. A process that dies ends its routes
// with its BGP session.
package anycast

import (
	"fmt"
	"slices"
	"time"
)

// How fast an edge leaves and comes back.
const (
	Fall        = 3                // health checks in a row that must fail before an edge leaves
	Rise        = 10 * time.Second // how long it must be healthy before it is announced
	Fresh       = 3 * time.Second  // how long a fact of another edge counts
	MostLeaves  = 3                // withdrawals within LeaveWindow after which it is held out
	LeaveWindow = 10 * time.Minute
	Goodbye     = time.Minute // the most that a draining edge tells its clients to go
)

// State is where an edge is between announced and not.
type State string

// The states. Announced, Leaving and Draining have routes, the others have none.
const (
	Starting  State = "starting"  // not announced yet since the process began
	Announced State = "announced" //
	Leaving   State = "leaving"   // wants to leave, and enough others must agree to stay
	Draining  State = "draining"  // may leave, and tells its clients to go first
	Withdrawn State = "withdrawn" // by its health checks, and comes back by itself
	Held      State = "held"      // withdrawn too often: a person must undrain it
	Drained   State = "drained"   // by a person, and a person must undrain it
)

// HasRoutes reports whether an edge in this state is announced.
func (s State) HasRoutes() bool { return s == Announced || s == Leaving || s == Draining }

// Tier is what an edge must know of its tier.
type Tier struct {
	Edge  string   // the name of this edge
	Edges []string // the names of all, this one included
	Keep  int      // how many edges must stay announced; 0: half of them, at least 1
}

// Validate completes the tier, or says what is wrong with it.
func (t *Tier) Validate() error {
	if t.Keep == 0 {
		t.Keep = max(1, len(t.Edges)/2)
	}
	switch names := slices.Sorted(slices.Values(t.Edges)); {
	case !slices.Contains(t.Edges, t.Edge):
		return fmt.Errorf("edges: %q, this edge, is not among them", t.Edge)
	case len(slices.Compact(names)) < len(t.Edges):
		return fmt.Errorf("edges: duplicate name")
	case t.Keep < 1 || t.Keep > len(t.Edges):
		return fmt.Errorf("keep: %d is not between 1 and the number of edges, %d", t.Keep, len(t.Edges))
	}
	return nil
}

// Health is the result of one check. Why is empty if the edge is healthy.
type Health struct{ Why string }

// OK reports whether the edge is healthy.
func (h Health) OK() bool { return h.Why == "" }

// Decision is what to do now.
type Decision struct {
	State State
	Why   string
	Alarm string // what a person must hear; empty: nothing

	// HandOn is until when this edge passes on segments of connections that it does not
	// know to the next edge; zero: it does not.
	HandOn time.Time
}

// Change is one line of an edge's history.
type Change struct {
	At    time.Time
	State State
	Why   string
	By    string // the operator; empty: the edge itself
}

const mostChanges = 100

// Edge decides for one edge. It is not safe for concurrent use.
type Edge struct {
	tier Tier
	now  time.Time // of the last call

	state   State
	why     string
	since   time.Time // of the state
	failed  int       // checks in a row
	healthy time.Time // since when; zero: not
	health  Health    // the last
	leaves  []time.Time
	history []Change

	order   order
	others  map[string]*other
	windows []window

	seq, clock, wish uint64 // see Fact
	connections      int
}

// order is what a person wants.
type order struct {
	out    bool
	at     time.Time
	grace  time.Duration // how long clients are told to go
	force  bool          // whether or not enough others stay
	by     string
	why    string
	parted time.Time // when the clients were first told
}

// New makes an edge that is not announced yet. The tier is valid.
func New(t Tier, now time.Time) *Edge {
	e := &Edge{
		tier: t, others: map[string]*other{},
		// Higher than those of a process before this one, so that no answer to it is taken
		// for one to this one.
		seq: uint64(now.UnixMicro()), clock: uint64(now.UnixMicro()),
	}
	for _, name := range t.Edges {
		if name != t.Edge {
			e.others[name] = &other{}
		}
	}
	e.enter(now, Starting, "the process began", "")
	return e
}

// enter puts the edge into a state.
func (e *Edge) enter(now time.Time, s State, why, by string) {
	if e.state == s && (by == "" || why == e.why) {
		e.why = why
		return
	}
	returns := s.HasRoutes() && !e.state.HasRoutes()
	if e.state != s {
		e.since = now
	}
	e.state, e.why = s, why
	e.history = append(e.history, Change{now, s, why, by})
	e.history = e.history[max(0, len(e.history)-mostChanges):]
	if returns {
		e.open(now, e.tier.Edge, returnWindow)
	}
}

// History returns the last changes, the oldest first.
func (e *Edge) History() []Change { return slices.Clone(e.history) }

// Step takes the result of a health check, one each second, and decides.
func (e *Edge) Step(now time.Time, h Health) Decision {
	e.now, e.health = now, h
	if h.OK() {
		e.failed = 0
		if e.healthy.IsZero() {
			e.healthy = now
		}
	} else {
		e.failed++
		e.healthy = time.Time{}
	}
	e.watch(now)
	decide := e.mayReturn
	if e.state.HasRoutes() {
		decide = e.mayLeave
	}
	alarm := decide(now)
	return Decision{State: e.state, Why: e.why, Alarm: alarm, HandOn: e.handOn(now)}
}

// wants is why the edge should leave; empty: it should not.
func (e *Edge) wants() string {
	switch {
	case e.order.out:
		return e.order.why
	case e.failed >= Fall:
		return e.health.Why
	}
	return ""
}

// mayLeave is for an edge that is announced.
func (e *Edge) mayLeave(now time.Time) (alarm string) {
	why := e.wants()
	if why == "" {
		e.wish = 0
		if e.state != Announced {
			e.enter(now, Announced, "nothing speaks against it any more", "")
		}
		return ""
	}
	if e.wish == 0 {
		e.clock++
		e.wish = e.clock
	}
	stay := e.staying(now)
	if stay < e.tier.Keep && !(e.order.out && e.order.force) {
		e.order.parted = time.Time{}
		e.enter(now, Leaving, why, e.order.by)
		return fmt.Sprintf("%s: stays announced, since %d other edges would stay and %d must", why, stay, e.tier.Keep)
	}
	if e.order.out && e.order.grace > 0 {
		if e.order.parted.IsZero() {
			e.order.parted = now
		}
		if e.connections > 0 && now.Sub(e.order.parted) < e.order.grace {
			e.enter(now, Draining, why, e.order.by)
			return ""
		}
	}
	return e.leave(now, why)
}

func (e *Edge) leave(now time.Time, why string) (alarm string) {
	e.wish = 0
	if e.order.out {
		e.enter(now, Drained, why, e.order.by)
		return ""
	}
	e.leaves = append(e.leaves, now)
	e.leaves = slices.DeleteFunc(e.leaves, func(at time.Time) bool { return now.Sub(at) >= LeaveWindow })
	if len(e.leaves) >= MostLeaves {
		e.enter(now, Held, fmt.Sprintf("%s; withdrawn %d times in %v", why, len(e.leaves), LeaveWindow), "")
		return e.heldAlarm()
	}
	e.enter(now, Withdrawn, why, "")
	return ""
}

func (e *Edge) heldAlarm() string { return e.why + ": undrain it once the cause is mended" }

// mayReturn is for an edge that is not announced.
func (e *Edge) mayReturn(now time.Time) (alarm string) {
	switch {
	case e.order.out:
		e.enter(now, Drained, e.order.why, e.order.by)
	case e.state == Held:
		return e.heldAlarm()
	case !e.healthy.IsZero() && now.Sub(e.healthy) >= Rise:
		e.enter(now, Announced, fmt.Sprintf("healthy for %v", Rise), "")
	case e.isMissed(now):
		e.enter(now, Announced, fmt.Sprintf("fewer than %d edges are announced", e.tier.Keep), "")
		if !e.health.OK() {
			return e.health.Why + ": announced nevertheless, since " + e.why
		}
	}
	return ""
}

// isMissed reports whether an edge that is not healthy is announced all the same: all others
// are heard, and fewer than must stay have routes and mean to keep them. What is not heard may
// be announced, so silence brings no edge back.
func (e *Edge) isMissed(now time.Time) bool {
	if now.Sub(e.since) < Rise+Fresh { // those that are healthy come first
		return false
	}
	have := 0
	for _, o := range e.others {
		if !o.fresh(now) {
			return false
		}
		if o.fact.State == Announced {
			have++
		}
	}
	return have < e.tier.Keep
}
