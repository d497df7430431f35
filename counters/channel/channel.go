// Package channel carries messages between the edges of a tier: each edge says them on a
// channel, and all that listen hear them, itself included.
//
// It stands on the tier, over Redis Pub/Sub, and promises little: a message is heard once or
// not at all. It is lost if the store is lost or slow, while a subscription is made anew,
// and where more is said than can be sent or heard: then the oldest give way. Nobody waits,
// and Dropped counts what this edge gave up. Without a tier the process hears itself.
package channel

import (
	"context"
	_ "embed"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

//go:embed publish.lua
var publishLua string
var publish = tier.NewScript(publishLua)

// MaxMessage is how many bytes a message may have.
const MaxMessage = 1 << 20

// quiet is how long no message may come before the connection is tried.
const quiet = 2 * time.Second

// Bus is one edge's end of all channels. Its methods are safe for concurrent use.
type Bus struct {
	tier *tier.Tier // nil: this process is every edge
	sub  *tier.Subscription

	mu      sync.Mutex
	hearers map[string][]*hearer // by channel
	closed  bool

	out     *queue
	dropped atomic.Int64
	begun   sync.Once
	quit    context.CancelFunc
	ctx     context.Context
	loops   sync.WaitGroup
}

// hearer is one that listens to a channel.
type hearer struct {
	in   *queue
	quit context.CancelFunc
}

// New makes an edge's end. t is nil where one process is every edge.
func New(t *tier.Tier) *Bus {
	b := &Bus{tier: t, hearers: map[string][]*hearer{}}
	b.ctx, b.quit = context.WithCancel(context.Background())
	b.out = newQueue(&b.dropped)
	if t != nil {
		b.sub = &tier.Subscription{Channels: b.channels, Message: b.deliver, Quiet: quiet}
		t.Subscribe(b.sub)
	}
	return b
}

// Start begins to send. It is for before the tier's.
func (b *Bus) Start() {
	if b.tier != nil {
		b.begun.Do(func() { b.loops.Go(b.send) })
	}
}

// Close gives up what was not sent or heard yet, and waits for the calls that are under way.
func (b *Bus) Close() {
	b.begun.Do(func() {}) // it is never started
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.quit()
	b.loops.Wait()
}

// Say sends a message of at most MaxMessage bytes to all edges that listen to the channel. It
// returns at once, and reports nothing: see the package.
func (b *Bus) Say(channel, message string) {
	switch {
	case len(message) > MaxMessage, b.tier != nil && b.tier.Lost():
		b.dropped.Add(1)
	case b.tier == nil:
		b.deliver(redisName(channel), message)
	default:
		b.out.add(item{redisName(channel), message})
	}
}

// Hear calls back with each message on the channel. Calls come one at a time; a slow listener
// misses the oldest. After stop at most the call that is under way goes on.
func (b *Bus) Hear(channel string, call func(message string)) (stop func()) {
	ctx, quit := context.WithCancel(b.ctx)
	h := &hearer{newQueue(&b.dropped), quit}
	name := redisName(channel)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		quit()
		return quit
	}
	isNew := len(b.hearers[name]) == 0
	b.hearers[name] = append(b.hearers[name], h)
	b.loops.Go(func() { h.listen(ctx, call) })
	if isNew {
		b.renew()
	}
	return func() { b.leave(name, h) }
}

func (b *Bus) leave(name string, h *hearer) {
	h.quit()
	b.mu.Lock()
	defer b.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(b.hearers[name]), func(other *hearer) bool { return other == h })
	if b.hearers[name] = others; len(others) == 0 {
		delete(b.hearers, name)
		b.renew()
	}
}

// renew has the store asked for other channels.
func (b *Bus) renew() {
	if b.sub != nil {
		b.sub.Renew()
	}
}

// Dropped is how many messages this edge did not send, or did not hear, for want of time,
// room, or a store. One that was lost on its way is not among them.
func (b *Bus) Dropped() int64 { return b.dropped.Load() }

// redisName is that of the channel in the store. The part in braces has a Cluster publish and
// subscribe where the heartbeats are.
func redisName(channel string) string { return tier.Key("channel:" + channel) }

func (b *Bus) channels() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.hearers))
}

// deliver hands a message to those that listen.
func (b *Bus) deliver(name, message string) {
	b.mu.Lock()
	hearers := b.hearers[name]
	b.mu.Unlock()
	for _, h := range hearers {
		h.in.add(item{name, message})
	}
}

func (h *hearer) listen(ctx context.Context, call func(message string)) {
	for {
		items := h.in.wait(ctx)
		if items == nil {
			return
		}
		for _, one := range items {
			if ctx.Err() != nil {
				return
			}
			call(one.message)
		}
	}
}

// send is the loop that sends, so that a busy store gets many messages at a time.
func (b *Bus) send() {
	for {
		items := b.out.wait(b.ctx)
		if items == nil {
			return
		}
		args := make([]any, 0, 2*len(items))
		for _, one := range items {
			args = append(args, one.name, one.message)
		}
		err := tier.ErrLost
		if !b.tier.Lost() {
			err = b.tier.Run(b.ctx, b.tier.Patience(), publish, []string{tier.Key("channel")}, args, func(tier.Reply) error { return nil })
		}
		if err != nil {
			b.dropped.Add(int64(len(items)))
		}
	}
}
