package alert

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// Outcome is what became of alerts. To each receiver, each alert that is not dropped comes to
// exactly one of Delivered and Dead.
type Outcome uint8

// The outcomes.
const (
	Delivered Outcome = iota
	Dead              // not taken in four tries, or refused for good
	Dropped           // never tried: the queue was full, or closed
	Retried           // a try failed, and another one follows
	Merged            // goes with others in one message
	outcomes
)

var outcomeNames = [...]string{Delivered: "delivered", Dead: "dead", Dropped: "dropped", Retried: "retried", Merged: "merged"}

// An outcome added above and not named here does not compile.
var _ = [1]struct{}{}[len(outcomeNames)-int(outcomes)]

func (o Outcome) String() string { return outcomeNames[o] }

// Hooks are what Alerts tell, and ask, the edge. Each may be nil. They are called by the
// goroutines of the receivers, and Outcome by Send too, so they must not wait.
type Hooks struct {
	// Outcome counts what became of n alerts to a receiver; err is why, for the log.
	Outcome func(receiver string, o Outcome, n int, err error)

	// Accepted tells when the first receiver took the first alert of an incident. After a
	// restart it may tell so once more.
	Accepted func(incident string, at time.Time)

	// Open returns the last alert of each incident that is open and that this edge leads. It is
	// asked once a minute, for Alertmanager. An edge that does not lead returns none.
	Open func() []Event
}

// Alerts sends events to the receivers of a Config. Its methods may be called concurrently.
type Alerts struct {
	hooks    Hooks
	workers  []*worker
	sent     recent // IDs
	accepted recent // incidents
	dead     deadLetters

	soft, hard       context.Context // ended when Close is called, and at its deadline
	endSoft, endHard context.CancelFunc
	running          sync.WaitGroup

	mu     sync.RWMutex
	closed bool
}

// New starts a goroutine for each receiver. node is the name of this edge; receivers are told.
func New(c Config, node string, hooks Hooks) (*Alerts, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	node = cut(line(node), maxName)
	var receivers []receiver
	for _, w := range c.Webhooks {
		r, err := newPoster(w, node)
		if err != nil {
			return nil, fmt.Errorf("alert receiver %q: %w", w.Label(), err)
		}
		receivers = append(receivers, r)
	}
	for _, m := range c.Mails {
		r, err := newMailer(m, node)
		if err != nil {
			return nil, fmt.Errorf("alert receiver %q: %w", m.Label(), err)
		}
		receivers = append(receivers, r)
	}
	return start(receivers, c.DeadLetters, hooks), nil
}

// start runs a worker for each receiver.
func start(receivers []receiver, deadFile string, hooks Hooks) *Alerts {
	a := &Alerts{hooks: hooks, dead: deadLetters{file: deadFile, most: maxDead}}
	a.soft, a.endSoft = context.WithCancel(context.Background())
	a.hard, a.endHard = context.WithCancel(context.Background())
	for _, r := range receivers {
		w := &worker{receiver: r, alerts: a, queue: make(chan Event, queueSize)}
		a.workers = append(a.workers, w)
		a.running.Go(w.run)
	}
	return a
}

// Send has the receivers told of an event, each at most once by its ID. It never waits: what
// finds a queue full is dropped, and counted.
func (a *Alerts) Send(e Event) {
	e = e.bounded(time.Now())
	if !a.sent.add(e.ID) {
		return
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, w := range a.workers {
		if !wants(w.on, e.Kind) {
			continue
		}
		if !a.closed && w.enqueue(e) {
			continue
		}
		w.outcome(Dropped, 1, nil)
	}
}

// Test sends a test to one receiver, at once and only once, and returns what the receiver
// answered, refusals included. PagerDuty opens an incident for it, which a person resolves.
func (a *Alerts) Test(ctx context.Context, name string) (said string, err error) {
	var names []string
	for _, w := range a.workers {
		names = append(names, w.name)
		if w.name != name {
			continue
		}
		now := time.Now()
		e := Event{
			ID: "test-" + now.UTC().Format("20060102T150405.000000000"), Incident: "theriac-test", Kind: Test, At: now,
			Words: "An operator asked for this test. There is nothing to do.",
		}
		w.trying.Lock()
		defer w.trying.Unlock()
		return w.try(ctx, newMessage(e.bounded(now)))
	}
	if len(names) == 0 {
		return "", hint.Errorf("configure one", "there are no alert receivers")
	}
	return "", hint.Errorf("use one of "+strings.Join(names, ", "), "unknown alert receiver %q", name)
}

// Close tries each alert that waits once more and ends the goroutines. What is not delivered
// when ctx ends is dead.
func (a *Alerts) Close(ctx context.Context) {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.endSoft()
	done := make(chan struct{})
	go func() {
		a.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	a.endHard()
	<-done
}

// delivered tells of incidents that a receiver has taken an alert of.
func (a *Alerts) delivered(events []Event) {
	now := time.Now()
	for _, e := range events {
		if e.Kind != Test && a.accepted.add(e.Incident) && a.hooks.Accepted != nil {
			a.hooks.Accepted(e.Incident, now)
		}
	}
}

// maxRecent is how many IDs and incidents are remembered.
const maxRecent = 4096

// recent is a set of the last keys. Its zero value is empty.
type recent struct {
	mu   sync.Mutex
	keys map[string]bool
	ring []string
	next int
}

// add reports whether the key was not in the set.
func (r *recent) add(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys[key] {
		return false
	}
	if r.keys == nil {
		r.keys = map[string]bool{}
	}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, key)
	} else {
		delete(r.keys, r.ring[r.next])
		r.ring[r.next] = key
		r.next = (r.next + 1) % maxRecent
	}
	r.keys[key] = true
	return true
}
