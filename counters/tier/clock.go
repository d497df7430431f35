package tier

import (
	"fmt"
	"sync/atomic"
	"time"
)

// clock compares the store's clock with the monotonic one of this edge. Scripts use the
// store's clock alone, and bear its steps; an operator should know of them, as counters fill
// up when it goes forward.
type clock struct {
	born   time.Time
	offset time.Duration // of the store's clock, at the last heartbeat
	known  bool
	steps  atomic.Int64
	last   atomic.Pointer[Step]
}

// Step is a jump of the store's clock: it was set, or another server took over whose clock
// is ahead or behind.
type Step struct {
	By time.Duration // back if negative
	At time.Time     // by the clock of this edge
}

// String says what happened, and what to try.
func (s Step) String() string {
	way, by := "forward", s.By
	if by < 0 {
		way, by = "back", -by
	}
	return fmt.Sprintf("the store's clock went %s by %s at %s: have NTP keep the clock of each server that may be asked", way, by, s.At.Format(time.TimeOnly))
}

// smallestStep is the least difference that is no matter of adjusting a clock slowly, as for a
// leap second that is smeared.
const smallestStep = time.Second

// saw compares the clocks: store is the store's, between the times began and ended of this
// edge. It returns the step, or nil if there was none.
func (c *clock) saw(store time.Duration, began, ended time.Time) *Step {
	trip := ended.Sub(began)
	offset := store - began.Sub(c.born) - trip/2
	step := offset - c.offset
	was := c.known
	c.offset, c.known = offset, true
	if !was || step.Abs() < smallestStep+trip {
		return nil
	}
	c.steps.Add(1)
	c.last.Store(&Step{By: step.Round(time.Second), At: ended})
	return c.last.Load()
}

// recently returns the last step, as long as an operator may still ask what happened.
func (c *clock) recently(now time.Time) (step Step, ok bool) {
	if last := c.last.Load(); last != nil && now.Sub(last.At) < time.Hour {
		return *last, true
	}
	return step, false
}
