package tier

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	tripAfter   = 3                      // failures in a row
	probeEvery  = 500 * time.Millisecond // while the store is lost
	dialTimeout = 250 * time.Millisecond // at least; goes on for the next call when a call gives up
)

// ErrLost is why the store was not even asked.
var ErrLost = errors.New("the store is lost")

// condition is how the store is, as told to operators.
type condition struct {
	known  bool // the store was reached or given up
	shared bool
	reason string
	since  time.Time
}

// newBreaker stops asking a store that does not answer, so that no request
// waits for it. Only the heartbeat asks whether it is back.
func (t *Tier) newBreaker() *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout: probeEvery,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= tripAfter && !t.isWell()
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			t.lost.Store(to != gobreaker.StateClosed)
			t.wakeReport()
		},
	})
}

// isWell reports whether the store has answered lately: a single server to a heartbeat, some
// server of a Cluster to anything. Then it is not lost, whatever else fails: callers learn by their
// own calls what cannot be asked for, and the state of a store that is slow or half dead does not
// flap.
func (t *Tier) isWell() bool {
	within := heartbeatLife
	if !t.opts.Cluster {
		within = min(within, heartbeatEvery+heartbeatAgain+t.Patience())
	}
	isRecent := time.Since(t.clock.born)-time.Duration(t.answered.Load()) < within
	return t.reached.Load() && isRecent && (!t.opts.Cluster || t.cutOff() != everything)
}

// heard notes that the store has answered.
func (t *Tier) heard() { t.answered.Store(int64(time.Since(t.clock.born))) }

// reload has the client learn anew which server of a Cluster has what: it would keep to a dead
// one for a minute.
func (t *Tier) reload() {
	if cluster, ok := t.client.(*redis.ClusterClient); ok {
		t.reloads.Do(func() { cluster.ReloadState(context.Background()) })
	}
}

// call asks the store, and is over at the deadline whatever the store does.
func (t *Tier) call(ctx context.Context, deadline time.Duration, ask func(context.Context) error) error {
	_, err := t.breaker.Execute(func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		began := time.Now()
		err := ask(ctx)
		if err != nil {
			t.fault.Store(&err)
			t.reload()
		} else {
			t.latency.Store(int64(time.Since(began)))
			if t.opts.Cluster {
				t.heard()
			}
		}
		return struct{}{}, err
	})
	return err
}

// neverSent reports whether the breaker kept a call from being made.
func neverSent(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

// MayHaveArrived reports whether a call that failed may have been carried out:
// it was neither refused by the store nor kept from leaving.
func MayHaveArrived(err error) bool {
	if _, ok := errors.AsType[redis.Error](err); ok || neverSent(err) {
		return false
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !ok || dial.Op != "dial"
}

// run is the loop of heartbeats. It reports what becomes of the store.
func (t *Tier) run(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	soon := t.unwell
	if t.opts.Cluster {
		soon = nil // that has probes of its own
	}
	for {
		select {
		case <-ctx.Done():
			if !t.Lost() {
				t.leave()
			}
			return
		case <-t.changed:
		case <-soon:
			next.Reset(heartbeatAgain)
			continue
		case <-next.C:
			next.Reset(t.heartbeat())
		}
		t.report()
	}
}

// Await waits until the store was reached or given up, for the first time after Start.
func (t *Tier) Await(ctx context.Context) {
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for !t.condition.Load().known {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// wakeReport has it noted soon how the store is.
func (t *Tier) wakeReport() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// report notes how the store is, and makes it known if that has changed.
func (t *Tier) report() {
	was, lost := t.condition.Load(), t.Lost()
	is := *was
	is.shared = !lost
	is.known = was.known || is.shared || t.breaker.State() == gobreaker.StateOpen
	switch fault := t.fault.Load(); {
	case is.shared:
		is.reason = t.notes()
	case fault != nil:
		is.reason = t.opts.reason(*fault, t.opts.Deadline)
	}
	news := is.shared != was.shared || is.known != was.known
	if news {
		is.since = time.Now()
	}
	t.condition.Store(&is)
	if !news {
		return
	}
	for _, notify := range t.notify {
		notify(is.shared)
	}
	if t.opts.OnChange != nil {
		t.opts.OnChange(is.shared, is.reason)
	}
}
