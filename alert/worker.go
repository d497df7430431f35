package alert

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	queueSize  = 256
	maxReports = 16 // in a queue

	// gather is how long a worker waits for what happens at the same time as the first alert.
	gather = 250 * time.Millisecond

	// perMinute is how many messages people get in a minute: the fifth waits, and takes along
	// what comes meanwhile.
	perMinute = 4

	maxTries = 4
	tryFor   = 10 * time.Minute
)

// A receiver is one of the Config.
type receiver struct {
	name    string
	format  string // or mail
	host    string
	on      []Kind
	takes   grouping
	repeats bool // wants what is open once a minute

	// try hands over a message once, and returns what the receiver said.
	try func(ctx context.Context, m message) (said string, err error)
}

// A worker brings alerts to one receiver, one message after the other.
type worker struct {
	receiver
	alerts *Alerts
	queue  chan Event
	trying sync.Mutex  // encoders know what they sent before
	sent   []time.Time // of messages in the last minute, the oldest first
	status history
}

// enqueue reports whether the queue had room. Only the first few that wait keep their reports,
// which are large.
func (w *worker) enqueue(e Event) bool {
	if len(w.queue) >= maxReports {
		e.Report = nil
	}
	w.status.wait(1) // before its outcome
	select {
	case w.queue <- e:
		return true
	default:
		w.status.wait(-1)
		return false
	}
}

// outcome remembers what became of n alerts, and tells the edge.
func (w *worker) outcome(o Outcome, n int, err error) {
	w.status.add(o, n, err)
	if w.alerts.hooks.Outcome != nil {
		w.alerts.hooks.Outcome(w.name, o, n, err)
	}
}

// run delivers until the Alerts are closed, and then what is left.
func (w *worker) run() {
	var repeat <-chan time.Time
	if w.repeats && w.alerts.hooks.Open != nil {
		ticker := time.NewTicker(repeatEvery)
		defer ticker.Stop()
		repeat = ticker.C
	}
	for {
		select {
		case e := <-w.queue:
			w.pause()
			w.deliverAll(w.drain(e))
		case <-repeat:
			w.repeat()
		case <-w.alerts.soft.Done():
			w.deliverAll(w.drain())
			return
		}
	}
}

// pause waits for other changes, and for the minute in which the receiver got enough to end.
func (w *worker) pause() {
	wait := gather
	if w.takes == merged && w.free() == 0 {
		wait = max(wait, time.Until(w.sent[0].Add(time.Minute)))
	}
	select {
	case <-time.After(wait):
	case <-w.alerts.soft.Done():
	}
}

// free is how many messages the receiver may get now.
func (w *worker) free() int {
	for len(w.sent) > 0 && time.Since(w.sent[0]) >= time.Minute {
		w.sent = w.sent[1:]
	}
	return perMinute - len(w.sent)
}

// drain returns these events and all that wait behind them.
func (w *worker) drain(events ...Event) []Event {
	for {
		select {
		case e := <-w.queue:
			events = append(events, e)
		default:
			return events
		}
	}
}

func (w *worker) deliverAll(events []Event) {
	if len(events) == 0 {
		return
	}
	for _, m := range w.takes.messages(events, w.free()) {
		if m.isMerged() {
			w.outcome(Merged, len(m.events), nil)
		}
		w.deliver(m)
		w.sent = append(w.sent, time.Now())
	}
}

// deliver tries until the message is taken or there is no use in it.
func (w *worker) deliver(m message) {
	var last error
	waiting := false
	try := func() (string, error) {
		waiting = false
		said, err := w.tryOnce(m)
		last = err
		return said, err
	}
	_, err := backoff.Retry(w.alerts.soft, try,
		backoff.WithBackOff(&backoff.ExponentialBackOff{
			// About 5, 30 and 180 s.
			InitialInterval: 5 * time.Second, Multiplier: 6, RandomizationFactor: 0.3, MaxInterval: 3 * time.Minute,
		}),
		backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(tryFor),
		backoff.WithNotify(func(err error, _ time.Duration) {
			waiting = true
			w.outcome(Retried, len(m.events), last)
		}))
	if err != nil && waiting { // Close came while it waited for the next try
		_, err = try()
	}
	if err != nil {
		w.bury(m, last)
		return
	}
	w.outcome(Delivered, len(m.events), nil)
	w.alerts.delivered(m.events)
}

func (w *worker) tryOnce(m message) (said string, err error) {
	w.trying.Lock()
	defer w.trying.Unlock()
	return w.try(w.alerts.hard, m)
}

// bury writes a dead letter.
func (w *worker) bury(m message, why error) {
	letter := deadLetter{At: time.Now().UTC(), Receiver: w.name, Why: why.Error()}
	for _, e := range m.events {
		letter.Alerts = append(letter.Alerts, recordOf(e))
	}
	if err := w.alerts.dead.write(letter); err != nil {
		why = err
	}
	w.outcome(Dead, len(m.events), why)
}

// repeat tells a receiver what is open. What fails is told again a minute later.
func (w *worker) repeat() {
	now := time.Now()
	var open []Event
	for _, e := range w.alerts.hooks.Open() {
		if wants(w.on, e.Kind) && e.Kind != Over {
			open = append(open, e.bounded(now))
		}
	}
	if len(open) == 0 {
		return
	}
	m := newMessage(open...)
	m.id = messageID(m.id, now.UTC().Format(time.RFC3339))
	m.repeated = true
	if _, err := w.tryOnce(m); err != nil {
		w.outcome(Retried, len(open), err)
		return
	}
	w.alerts.delivered(open)
}
