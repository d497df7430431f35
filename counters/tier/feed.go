package tier

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
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
func (t *Tier) Follow(f Feed) { t.feed = f }

// key is a key that the heartbeat reads in any case.
func (f *Feed) key() string {
	if f.Key == "" {
		return Key("none")
	}
	return f.Key
}

// refusedAgain is when to ask again a store that refuses a subscription.
const refusedAgain = 5 * time.Second

// listen is the loop of the subscription. While the store is lost it does not
// ask whether it is back.
func (t *Tier) listen(ctx context.Context) {
	for ctx.Err() == nil {
		pause := heartbeatAgain
		if !t.Lost() {
			err := t.subscribe(ctx)
			if _, refused := errors.AsType[redis.Error](err); refused {
				t.deaf.Store(&err)
				pause = refusedAgain
			} else if err == nil {
				pause = 0
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// subscribe passes messages on until the connection breaks, or until it is to be
// renewed: then there is no error.
func (t *Tier) subscribe(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.renew.Store(&cancel)
	sub := t.client.Subscribe(ctx)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	dial, stop := context.WithTimeout(ctx, 2*t.opts.dialTimeout())
	err := sub.Subscribe(dial, t.feed.Channel)
	for stop(); err == nil; {
		err = t.receive(ctx, sub)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// receive waits for what comes next.
func (t *Tier) receive(ctx context.Context, sub *redis.PubSub) error {
	news, err := sub.Receive(ctx)
	if err != nil {
		return err
	}
	switch n := news.(type) {
	case *redis.Subscription:
		t.deaf.Store(nil)
		t.feed.Subscribed()
	case *redis.Message:
		t.feed.Message(n.Payload)
	}
	return nil
}

// Resubscribe ends a subscription that no longer hears everything, and begins
// another.
func (t *Tier) Resubscribe() {
	if renew := t.renew.Load(); renew != nil {
		(*renew)()
	}
}

// late explains why changes of other edges come with the heartbeat only, if they
// do.
func (t *Tier) late() string {
	deaf := t.deaf.Load()
	if deaf == nil {
		return ""
	}
	return "bans and levels of other edges arrive up to a second late: " + t.opts.reason(*deaf, t.opts.Deadline)
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
