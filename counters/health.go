package counters

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	tripAfter   = 3                      // failures in a row
	probeEvery  = 500 * time.Millisecond // while the store is lost
	dialTimeout = 250 * time.Millisecond // goes on for the next call when a call gives up
)

// condition is how the store is, as told to people.
type condition struct {
	known  bool // the store was reached or given up
	shared bool
	reason string
	since  time.Time
}

// newBreaker stops asking a store that does not answer, so that nobody waits
// for it. Only the heartbeat asks whether it is back.
func (r *Redis) newBreaker() *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			r.lost.Store(to != gobreaker.StateClosed)
			select {
			case r.changed <- struct{}{}:
			default:
			}
		},
	})
}

// call asks the store, and is over at the deadline whatever the store does.
func (r *Redis) call(ctx context.Context, deadline time.Duration, ask func(context.Context) error) error {
	_, err := r.breaker.Execute(func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		began := time.Now()
		err := ask(ctx)
		if err != nil {
			r.fault.Store(&err)
		} else {
			r.latency.Store(int64(time.Since(began)))
		}
		return struct{}{}, err
	})
	return err
}

// neverSent reports whether the breaker kept a call from being made.
func neverSent(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

// run is the first background loop: heartbeats, settlements, and news of the
// store. What other edges tell has its own (hear.go), and what they are told of
// bans (spread.go). The first settlement after a quiet time is made at once.
func (r *Redis) run(ctx context.Context) {
	beat, gap := time.NewTimer(0), time.NewTimer(settleGap)
	defer beat.Stop()
	defer gap.Stop()
	asks := r.asks
	for {
		select {
		case <-ctx.Done():
			r.finish()
			return
		case <-r.changed:
		case <-beat.C:
			beat.Reset(r.beat())
		case <-gap.C:
			asks = r.asks
			if r.lost.Load() {
				asks = nil
				gap.Reset(settleGap)
			}
		case first := <-asks:
			r.settleAll(first)
			asks = nil
			gap.Reset(settleGap)
		}
		r.report()
	}
}

// finish settles what is queued and says good-bye, in that order.
func (r *Redis) finish() {
	if r.lost.Load() {
		return
	}
	select {
	case first := <-r.asks:
		r.settleAll(first)
	default:
	}
	r.leave()
}

// report notes how the store is, and makes it known if that has changed.
func (r *Redis) report() {
	was, lost := r.condition.Load(), r.lost.Load()
	is := *was
	is.shared = !lost
	is.known = was.known || is.shared || r.breaker.State() == gobreaker.StateOpen
	switch fault := r.fault.Load(); {
	case is.shared:
		is.reason = r.late()
	case fault != nil:
		is.reason = r.opts.reason(*fault)
	}
	news := is.shared != was.shared || is.known != was.known
	if news {
		is.since = time.Now()
	}
	r.condition.Store(&is)
	if news && is.shared {
		r.shares.forget()
	}
	if news && !is.shared {
		r.mistrust()
		r.bans.mistrust()
	}
	if news && r.opts.OnChange != nil {
		r.opts.OnChange(is.shared, is.reason)
	}
}
