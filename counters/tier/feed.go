package tier

import (
	"strings"
	"time"
)

// Feed is how a replicated map hears of changes. All functions are called from
// the tier's own goroutines and must return soon.
type Feed struct {
	Key     string // of the hash whose field " version" comes with each heartbeat
	Channel string

	Version    func(version int64)  // with each heartbeat; 0: there is no map
	Message    func(message string) // published on the channel
	Subscribed func()               // what was published before may have been missed
	Corrected  func()               // the tier's time was not what this edge took it for
}

// Follow sets the feed. It is for before Start.
func (t *Tier) Follow(f Feed) {
	t.feed = f
	t.changes = &Subscription{
		Channels:   func() []string { return []string{f.Channel} },
		Subscribed: f.Subscribed,
		Message:    func(_, message string) { f.Message(message) },
	}
	t.Subscribe(t.changes)
}

// key is a key that the heartbeat reads in any case.
func (f *Feed) key() string {
	if f.Key == "" {
		return Key("none")
	}
	return f.Key
}

// Resubscribe ends a subscription that no longer hears everything, and begins
// another.
func (t *Tier) Resubscribe() { t.changes.Renew() }

// late explains why changes of other edges come with the heartbeat only, if they
// do.
func (t *Tier) late() string {
	if t.changes == nil {
		return ""
	}
	deaf := t.changes.deaf.Load()
	if deaf == nil {
		return ""
	}
	return "bans and levels of other edges arrive up to a second late, and messages between edges not at all: " + t.opts.reason(*deaf, t.opts.Deadline)
}

// notes is what an operator should know of a store that is shared.
func (t *Tier) notes() string {
	var notes []string
	now := time.Now()
	fault, part := t.fault.Load(), t.part.Load()
	switch {
	case part != nil:
		notes = append(notes, part.note)
	case t.missed.Load() >= tripAfter && fault != nil:
		notes = append(notes, "heartbeats fail, so the number of edges stays as it was: "+t.opts.reason(*fault, heartbeatWait))
	}
	for _, note := range []string{t.refusal(), t.late(), t.clock.difference(now)} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	if step, ok := t.clock.recently(now); ok {
		notes = append(notes, step.String())
	}
	return strings.Join(notes, "; ")
}
