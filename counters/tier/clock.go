package tier

import (
	_ "embed"
	"fmt"
	"sync/atomic"
	"time"
)

//go:embed clock.lua
var clockLua string

// ClockKey is the last key of each script that asks for the tier's time.
var ClockKey = Key("clock")

// NewTimed prepares a script that calls clock(key) for the tier's time, in milliseconds.
func NewTimed(text string) *Script { return NewScript(clockLua + text) }

// clock compares three clocks at each heartbeat: the monotonic one of this edge, its time of
// day, and the store's, which may be set, or be another server's after a failover. From them
// comes the tier's time, on which all edges agree: it begins as the store's and goes on
// steadily, as the edges carry it by their monotonic clocks.
type clock struct {
	born   time.Time
	offset time.Duration // of the store's clock from the monotonic one, at the last heartbeat
	known  bool
	tier   atomic.Int64 // the same of the tier's time; 0: it is not known
	steps  atomic.Int64
	last   atomic.Pointer[Step]
	apart  atomic.Int64 // by how much this edge's time of day is ahead of the store's
	warned atomic.Bool  // of that
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
	c.apart.Store(int64(time.Duration(began.UnixNano()) + trip/2 - store))
	if !was || step.Abs() < smallestStep+trip {
		return nil
	}
	c.steps.Add(1)
	c.last.Store(&Step{By: step.Round(time.Second), At: ended})
	return c.last.Load()
}

// carried is the tier's time since 1970, as this edge carries it on; 0 if it does not know it.
func (c *clock) carried(now time.Time) time.Duration {
	offset := time.Duration(c.tier.Load())
	if offset == 0 {
		return 0
	}
	return offset + now.Sub(c.born)
}

// follow takes in the tier's time, as the store says it, and reports whether this edge was wrong.
func (c *clock) follow(tier time.Duration, began, ended time.Time) (wrong bool) {
	trip := ended.Sub(began)
	middle := began.Add(trip / 2)
	was := c.carried(middle)
	c.tier.Store(int64(tier - middle.Sub(c.born)))
	return was != 0 && (tier-was).Abs() >= smallestStep+trip
}

// recently returns the last step, as long as an operator may still ask what happened.
func (c *clock) recently(now time.Time) (step Step, ok bool) {
	if last := c.last.Load(); last != nil && now.Sub(last.At) < time.Hour {
		return *last, true
	}
	return step, false
}

// Clocks of edge and store that are further apart are worth a warning, until they are closer
// than the second.
const (
	farApart  = 2 * time.Second
	nearAgain = time.Second
)

// warn reports whether the warning that the clocks are apart begins now, or ends. A slow
// answer says nothing.
func (c *clock) warn(trip time.Duration) (news bool) {
	apart, warned := time.Duration(c.apart.Load()).Abs(), c.warned.Load()
	switch {
	case !warned && apart > farApart+trip, warned && apart+trip < nearAgain:
		c.warned.Store(!warned)
		return true
	}
	return false
}

// difference says by how much the time of day of this edge differs from the store's, and what
// to try; nothing if that does not matter, or if it began with a step of the store's clock, which
// is told for itself.
func (c *clock) difference(now time.Time) string {
	if !c.warned.Load() {
		return ""
	}
	if step, ok := c.recently(now); ok && (time.Duration(c.apart.Load())+step.By).Abs() < farApart {
		return ""
	}
	way, by := "ahead of", time.Duration(c.apart.Load()).Round(time.Second)
	if by < 0 {
		way, by = "behind", -by
	}
	return fmt.Sprintf("this edge's clock is %s %s the store's: `chronyc tracking` on both hosts tells which is wrong", by, way)
}

// Time is the tier's time: what the store's clock said at first, carried on steadily. ok is
// false as long as the store was not reached.
func (t *Tier) Time(now time.Time) (tier time.Time, ok bool) {
	carried := t.clock.carried(now)
	return time.Unix(0, int64(carried)), carried != 0
}

// compareClocks takes in what the store's answer to a heartbeat says of clocks.
func (t *Tier) compareClocks(answer *heard, began, ended time.Time) {
	step := t.clock.saw(answer.now, began, ended)
	if step != nil && t.opts.OnStep != nil {
		t.opts.OnStep(step.By, step.String())
	}
	if t.clock.warn(ended.Sub(began)) && t.opts.OnApart != nil && step == nil {
		t.opts.OnApart(time.Duration(t.clock.apart.Load()), t.clock.difference(ended))
	}
	if t.clock.follow(answer.tier, began, ended) && t.feed.Corrected != nil {
		t.feed.Corrected()
	}
}
