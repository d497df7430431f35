// Package life is what all configurations of this process share about its life: whether
// clients should leave it, when it accepts no more connections, and which other processes
// listen where it does.
//
// It only keeps that in memory, so nothing in it can fail. It outlives reloads.
package life

import (
	"context"
	"sync/atomic"
	"time"
)

// life is that of one process.
type life struct {
	drained atomic.Bool // by an operator
	ends    atomic.Bool
	holders atomic.Int64 // listeners that obey hold

	held context.Context
	hold context.CancelFunc
}

func newLife() *life {
	l := new(life)
	l.held, l.hold = context.WithCancel(context.Background())
	return l
}

var this = newLife()

// Draining reports whether clients should leave this process, because an operator has
// drained it or because it is about to end. It goes on to serve all requests.
func Draining() bool { return this.draining() }

// SetDrained begins to drain the process, or ends that.
func SetDrained(on bool) { this.drained.Store(on) }

// OnHold calls f when this process should accept no more connections, unless stop is called
// before.
func OnHold(f func()) (stop func()) { return this.onHold(f) }

// Finish drains the process before it ends, makes its listeners hold, and waits until no
// requests are in work, at most for grace. It returns how many are left, and false if no
// listener obeys: then requests go on to come, and it waits for none.
func Finish(drain, grace time.Duration, inWork func() int64) (left int64, ok bool) {
	return this.finish(drain, grace, inWork)
}

const (
	// settling is how long the clients of connections that were just accepted have to send
	// their request: net/http drops requests that it reads after it began to shut down.
	settling = time.Second

	// Farewell is how long clients have to close connections without a request. Browsers do
	// not close those of HTTP/3, and Caddy waits for all of them.
	Farewell = time.Second
)

func (l *life) draining() bool { return l.drained.Load() || l.ends.Load() }

func (l *life) onHold(f func()) (stop func()) {
	l.holders.Add(1)
	unregister := context.AfterFunc(l.held, f)
	return func() {
		l.holders.Add(-1)
		unregister()
	}
}

func (l *life) finish(drain, grace time.Duration, inWork func() int64) (left int64, ok bool) {
	l.ends.Store(true)
	time.Sleep(drain)
	if l.hold(); l.holders.Load() == 0 {
		return 0, false
	}
	time.Sleep(settling)
	for until := time.Now().Add(grace); inWork() > 0 && time.Now().Before(until); {
		time.Sleep(Farewell / 20)
	}
	return inWork(), true
}
