package tier

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Subscription hears what is published, over a connection of its own, as long as the store
// is not lost. All functions are called from the tier's own goroutines and must return soon.
type Subscription struct {
	Channels   func() []string               // asked for each connection; none: there is none
	Message    func(channel, message string) // published on a channel
	Subscribed func()                        // (optional) what was published before may have been missed

	// (optional) How long nothing may be heard before the connection is tried, and given up if
	// it does not answer for as long again.
	Quiet time.Duration

	renew atomic.Pointer[context.CancelFunc] // ends the connection, and another begins
	deaf  atomic.Pointer[error]              // why there is none
}

// Subscribe begins a subscription with Start. It is for before that.
func (t *Tier) Subscribe(s *Subscription) { t.subscriptions = append(t.subscriptions, s) }

// Renew begins another connection: the channels have changed, or not everything was heard.
func (s *Subscription) Renew() {
	if renew := s.renew.Load(); renew != nil {
		(*renew)()
	}
}

// refusedAgain is when to ask again a store that refuses a subscription.
const refusedAgain = 5 * time.Second

// listen is the loop of a subscription. While the store is lost it does not ask whether it
// is back.
func (t *Tier) listen(ctx context.Context, s *Subscription) {
	for ctx.Err() == nil {
		pause := heartbeatAgain
		if channels := s.Channels(); !t.Lost() && len(channels) > 0 {
			err := t.hear(ctx, s, channels)
			if _, refused := errors.AsType[redis.Error](err); refused {
				s.deaf.Store(&err)
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

// hear passes messages on until the connection breaks, or until it is to be renewed: then
// there is no error.
func (t *Tier) hear(ctx context.Context, s *Subscription, channels []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.renew.Store(&cancel)
	sub := t.client.Subscribe(ctx)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	dial, stop := context.WithTimeout(ctx, 2*t.opts.dialTimeout())
	err := sub.Subscribe(dial, channels...)
	for stop(); err == nil; {
		err = s.receive(ctx, sub)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// receive waits for what comes next.
func (s *Subscription) receive(ctx context.Context, sub *redis.PubSub) error {
	news, err := sub.ReceiveTimeout(ctx, s.Quiet)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && s.Quiet > 0 {
		if err = sub.Ping(ctx); err == nil {
			news, err = sub.ReceiveTimeout(ctx, s.Quiet)
		}
	}
	if err != nil {
		return err
	}
	switch n := news.(type) {
	case *redis.Subscription:
		s.deaf.Store(nil)
		if s.Subscribed != nil {
			s.Subscribed()
		}
	case *redis.Message:
		s.Message(n.Channel, n.Payload)
	}
	return nil
}
