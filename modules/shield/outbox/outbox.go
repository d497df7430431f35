// Package outbox is where the alerts of an edge wait for their receivers.
//
// It runs an alert.Alerts for each set of receivers, from the configuration that names them first
// to the last one that does: a reload with the same receivers neither loses an alert that waits
// nor sends one twice. Before an alert goes to the receivers the store is asked whether another
// edge has sent it; if the store is lost it is sent.
//
// Nothing that sends waits. What receivers do not take is counted, logged and written to the
// file of dead letters.
package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/alert"
)

// Edge is what an outbox needs of the configuration in force.
type Edge struct {
	Log *zap.Logger

	// First reports whether no edge has sent the event before.
	First func(ctx context.Context, e alert.Event) bool

	// As those of alert.Hooks.
	Accepted func(incident string, at time.Time)
	Open     func() []alert.Event
}

const (
	queueSize = 256

	// closeIn is how long the receivers get for what waits when no configuration names them
	// any more, or the edge ends: the time of one try.
	closeIn = 5 * time.Second
)

// pool has an outbox for each set of receivers.
var pool = caddy.NewUsagePool()

// An Outbox sends alerts to one set of receivers.
type Outbox struct {
	key     string
	alerts  *alert.Alerts
	edge    atomic.Pointer[Edge]
	lines   sync.Map // of the log: receiver and outcome to *rate.Sometimes
	queue   chan alert.Event
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	mu     sync.RWMutex
	closed bool
}

// acquire finds the outbox for these receivers, or makes it. node is the name of this edge.
func acquire(c alert.Config, node string) (*Outbox, error) {
	settings, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("naming the receivers: %w", err)
	}
	sum := sha256.Sum256(append(settings, node...))
	key := hex.EncodeToString(sum[:])
	found, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		return open(c, node, key)
	})
	if err != nil {
		return nil, err
	}
	return found.(*Outbox), nil
}

func open(c alert.Config, node, key string) (*Outbox, error) {
	o := &Outbox{key: key, queue: make(chan alert.Event, queueSize)}
	var err error
	if o.alerts, err = alert.New(c, node, alert.Hooks{Outcome: o.outcome, Accepted: o.accepted, Open: o.stillOpen}); err != nil {
		return nil, withHint(err)
	}
	o.ctx, o.end = context.WithCancel(context.Background())
	o.running.Go(o.run)
	return o, nil
}

// release is acquire's opposite.
func (o *Outbox) release() {
	_, _ = pool.Delete(o.key) // Destruct does not fail
}

// Destruct tries what waits once more, and ends.
func (o *Outbox) Destruct() error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.end()
	o.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeIn)
	defer cancel()
	o.alerts.Close(ctx)
	return nil
}

// send puts an event into the queue.
func (o *Outbox) send(e alert.Event) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if !o.closed {
		select {
		case o.queue <- e:
			return
		default: // two edges that send the same are better than none
		}
	}
	o.alerts.Send(e)
}

// run hands what no other edge has sent to the receivers.
func (o *Outbox) run() {
	for {
		select {
		case e := <-o.queue:
			o.forward(e)
		case <-o.ctx.Done():
			for len(o.queue) > 0 {
				o.forward(<-o.queue)
			}
			return
		}
	}
}

func (o *Outbox) forward(e alert.Event) {
	if edge := o.edge.Load(); edge == nil || edge.First(o.ctx, e) {
		o.alerts.Send(e)
	}
}

func (o *Outbox) accepted(incident string, at time.Time) {
	if edge := o.edge.Load(); edge != nil {
		edge.Accepted(incident, at)
	}
}

func (o *Outbox) stillOpen() []alert.Event {
	if edge := o.edge.Load(); edge != nil {
		return edge.Open()
	}
	return nil
}
