package anycast

import (
	"fmt"
	"time"
)

// Drain has the edge leave: clients are told to go for up to grace, then the routes are
// withdrawn. It waits as long as fewer than Keep other edges would stay.
func (e *Edge) Drain(now time.Time, grace time.Duration, by, why string) error {
	if grace < 0 || grace > Goodbye {
		return fmt.Errorf("draining: %v is not between 0s and %v", grace, Goodbye)
	}
	return e.take(order{out: true, at: now, grace: grace, by: by, why: why})
}

// Withdraw has the edge leave without telling its clients to go. With force it leaves whether
// or not other edges stay.
func (e *Edge) Withdraw(now time.Time, force bool, by, why string) error {
	return e.take(order{out: true, at: now, force: force, by: by, why: why})
}

func (e *Edge) take(o order) error {
	if e.order.out && !o.force && (o.grace > 0 || e.order.grace == 0) {
		return fmt.Errorf("draining: %s is being drained already by %s, since %s", e.tier.Edge, e.order.by, e.order.at.UTC().Format(time.RFC3339))
	}
	e.order = o
	return nil
}

// Undrain ends a drain, also one that has not ended yet, and lets an edge that is held come
// back: once it has been healthy for Rise.
func (e *Edge) Undrain(now time.Time, by, why string) error {
	if !e.order.out && e.state != Held {
		return fmt.Errorf("undraining: %s is neither drained nor held", e.tier.Edge)
	}
	e.order = order{}
	e.leaves = nil
	if !e.state.HasRoutes() {
		e.healthy = time.Time{} // what was measured while it had no clients says little
		e.enter(now, Withdrawn, why, by)
	}
	return nil
}

// SetConnections says how many connections of clients this edge has. A draining edge without
// any need not wait.
func (e *Edge) SetConnections(n int) { e.connections = n }
