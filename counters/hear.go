package counters

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// refusedAgain is when to ask again a store that refuses to publish to us.
const refusedAgain = 5 * time.Second

// hear is the second background loop: it hears what is told. While the store is
// lost it does not ask whether it is back.
func (r *Redis) hear(ctx context.Context) {
	for ctx.Err() == nil {
		pause := beatAgain
		if !r.lost.Load() {
			err := r.subscribe(ctx)
			if _, refused := errors.AsType[redis.Error](err); refused {
				r.deaf.Store(&err)
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

// subscribe hears what is told until the connection breaks, or until it is to
// be renewed: then there is no error.
func (r *Redis) subscribe(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.renew.Store(&cancel)
	sub := r.client.Subscribe(ctx)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	dial, stop := context.WithTimeout(ctx, 2*dialTimeout)
	err := sub.Subscribe(dial, factsChannel, bansChannel)
	for stop(); err == nil; {
		err = r.receive(ctx, sub)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// receive waits for what comes next.
func (r *Redis) receive(ctx context.Context, sub *redis.PubSub) error {
	news, err := sub.Receive(ctx)
	if err != nil {
		return err
	}
	switch n := news.(type) {
	case *redis.Subscription: // what was told before is in the store
		if n.Channel == bansChannel {
			r.bans.mistrust()
			r.fallBehind()
			break
		}
		r.deaf.Store(nil)
		r.learn()
	case *redis.Message:
		switch {
		case n.Channel != bansChannel:
			r.heard(n.Payload, time.Now())
		case r.bans.heard(n.Payload, time.Now()):
			r.fallBehind()
		}
	}
	return nil
}

// resubscribe ends a subscription that no longer hears everything.
func (r *Redis) resubscribe() {
	if renew := r.renew.Load(); renew != nil {
		(*renew)()
	}
}

// late says why other edges' facts and bans come with the heartbeat only, if
// they do.
func (r *Redis) late() string {
	deaf := r.deaf.Load()
	if deaf == nil {
		return ""
	}
	return "facts and bans of other edges come a second late: " + r.opts.reason(*deaf)
}

// heard takes in what was published. What cannot be read is left out: the
// heartbeat shows that something is missing.
func (f *facts) heard(news string, now time.Time) {
	e, err := parseNews(news)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.take(&e, now)
	if e.version == f.version+1 && f.version != unsure {
		f.version = e.version
	}
	f.mu.Unlock()
	f.deliver()
}
