// Package lease has one edge of a tier lead at a time: the one that does what must be done
// once.
//
// It stands on the tier. The leader renews its lease in the store twice a second. Another edge
// takes the lease over when it has seen no renewal for two seconds, or when the leader has
// resigned. Both measure by their own monotonic clocks, and the leader stops well before, so
// no clock that is set, no frozen store and no paused process makes two edges lead at once. A
// store that loses more than one renewal may: so each leader has a token, higher than each
// before it, by which what a leader does late can be told and refused. If the store is lost
// nobody leads, and each edge knows that it is alone.
package lease

import (
	"context"
	"crypto/rand"
	_ "embed"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

//go:embed lease.lua
var leaseLua string
var script = tier.NewTimed(leaseLua)

const (
	every = 500 * time.Millisecond // renewals, or questions which edge leads
	again = 100 * time.Millisecond // after one that failed

	// life is how long an edge must have seen no renewal before it takes a lease over.
	life = 2 * time.Second

	// holds is how long after it asked for a renewal that was answered an edge leads. What is
	// missing to life is more than the time between two renewals, so that a failover may
	// lose one.
	holds = 1400 * time.Millisecond
)

// Leases are those of one edge. Its methods are safe for concurrent use.
type Leases struct {
	tier  *tier.Tier // nil: this process is every edge
	start time.Time

	mu     sync.Mutex
	open   map[*Lease]bool
	closed bool
}

// New makes the leases of an edge. t is nil where one process is every edge.
func New(t *tier.Tier) *Leases { return &Leases{tier: t, start: time.Now(), open: map[*Lease]bool{}} }

// Lead has this edge lead, under that name, whenever no other does. It returns at once; the
// lease is to be closed.
func (l *Leases) Lead(name string) *Lease {
	one := &Lease{of: l, name: name}
	if l.tier == nil {
		one.quit = func() {}
		return one
	}
	one.key, one.edge = tier.Key("lease:"+name), l.tier.Node()+"/"+rand.Text()
	ctx, cancel := context.WithCancel(context.Background())
	one.quit = cancel
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		one.over = true
		return one
	}
	l.open[one] = true
	one.loop.Go(func() { one.run(ctx) })
	return one
}

// Close closes all leases.
func (l *Leases) Close() {
	l.mu.Lock()
	l.closed = true
	all := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	for _, one := range all {
		one.Close()
	}
}

// Lease is one edge's part in one leadership. Its methods are safe for concurrent use.
type Lease struct {
	of        *Leases
	name      string
	key, edge string
	quit      context.CancelFunc
	loop      sync.WaitGroup
	end       sync.Once

	mu    sync.Mutex
	over  bool
	known standing
}

// State is which edge leads, now.
func (l *Lease) State() State {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of.tier == nil {
		if l.over {
			return State{}
		}
		return State{Role: Leading, Token: l.of.start.UnixMilli()}
	}
	return l.known.state(now, l.edge, l.over)
}

// Close resigns: another edge leads half a second later, if there is one. It waits for the
// store as long as a renewal may take.
func (l *Lease) Close() {
	l.end.Do(func() {
		l.mu.Lock()
		l.over = true
		l.mu.Unlock()
		l.quit()
		l.loop.Wait()
		if l.of.tier != nil && l.known.edge == l.edge && !l.of.tier.Lost() {
			_ = l.ask("resign") // otherwise the lease ends by itself
		}
		l.of.mu.Lock()
		defer l.of.mu.Unlock()
		delete(l.of.open, l)
	})
}

// run is the loop that leads, or waits for that.
func (l *Lease) run(ctx context.Context) {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		began := time.Now()
		wait := every
		if err := l.ask(l.expected(began)); err != nil {
			wait = again
		} else if left := time.Until(l.known.since.Add(life)); l.known.edge != l.edge && left > 0 {
			wait = min(wait, left) // it may be over by then
		}
		next.Reset(max(0, wait-time.Since(began)))
	}
}

// expected is what the store is to have if this edge may take the lease over.
func (l *Lease) expected(now time.Time) string {
	if l.known.since.IsZero() || now.Sub(l.known.since) < life {
		return "-"
	}
	return l.known.value
}

// ask asks the store, and takes in what it says.
func (l *Lease) ask(expected string) error {
	t := l.of.tier
	if t.Lost() {
		return tier.ErrLost
	}
	asked, answer := time.Now(), ""
	err := t.Run(context.Background(), every, script, []string{l.key, tier.ClockKey}, []any{l.edge, expected, l.known.top}, func(reply tier.Reply) (err error) {
		answer, err = reply.Text()
		return err
	})
	if err != nil {
		return err
	}
	next := parse(answer)
	next.asked, next.since, next.top = asked, time.Now(), max(l.known.top, next.token)
	if next.value == l.known.value && !l.known.since.IsZero() {
		next.since = l.known.since
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = next
	return nil
}
