package bucket

import (
	"context"
	"sync"
	"time"
	"unsafe"

	"github.com/theriac-edge/theriac/counters/keyset"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Shared are the buckets of one edge, which it shares with the other edges of its
// tier. The methods are safe for concurrent use.
type Shared struct {
	tier     *tier.Tier
	table    *table
	fallback *fallback
	used     *keyset.Set
	asks     chan ask
	forgets  forgets
	busy     sync.Map       // servers with which this edge settles right now
	settling sync.WaitGroup // with them

	begin sync.Once
	quit  context.CancelFunc
	loop  sync.WaitGroup
}

// NewShared makes buckets that never use more than that many bytes: a quarter for
// those that are needed while the store is lost, a sixteenth for keys that are used
// once, the rest, less the queue, for the table.
func NewShared(t *tier.Tier, memory int64) *Shared {
	lost, used, queue := memory/4, memory/usedShare, maxAsks*int64(unsafe.Sizeof(ask{}))
	r := &Shared{
		tier:     t,
		table:    newTable(memory - lost - used - queue),
		fallback: newFallback(lost),
		used:     keyset.New(used),
		asks:     make(chan ask, maxAsks),
		forgets:  forgets{wake: make(chan struct{}, 1)},
		quit:     func() {},
	}
	t.OnChange(func(shared bool) {
		if shared {
			r.fallback.forgetAll()
			r.forgets.signal()
		}
	})
	t.OnRecovery(r.fallback.forget)
	return r
}

// Start begins to settle with the store.
func (r *Shared) Start() {
	r.begin.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		r.quit = cancel
		r.loop.Go(func() { r.run(ctx) })
	})
}

// Close settles what was asked to be settled, as far as the deadline allows. It
// comes before that of the tier.
func (r *Shared) Close() {
	r.begin.Do(func() {}) // it is never started
	r.quit()
	r.loop.Wait()
}

// run is the loop of settlements. The first one after a quiet time is made at once.
func (r *Shared) run(ctx context.Context) {
	gap := time.NewTimer(settleGap)
	defer gap.Stop()
	asks := r.asks
	for {
		select {
		case <-ctx.Done():
			r.finish()
			return
		case <-r.forgets.wake:
			r.tellForgotten()
		case <-gap.C:
			asks = r.asks
			if r.tier.Lost() {
				asks = nil
				gap.Reset(settleGap)
			}
		case first := <-asks:
			r.settleAll(first)
			asks = nil
			gap.Reset(settleGap)
		}
	}
}

// finish settles what is queued.
func (r *Shared) finish() {
	defer r.settling.Wait()
	r.settling.Wait()
	if r.tier.Lost() {
		return
	}
	r.tellForgotten()
	select {
	case first := <-r.asks:
		r.settleAll(first)
	default:
	}
}

// Peek returns what Take would if the store was not lost.
func (r *Shared) Peek(key netkey.Key, lim *Limit, now time.Time) Decision {
	_, window := lim.terms()
	return r.table.peek(&key, lim, r.table.at(now), farthest(window, r.tier.Edges()))
}

// Status reports how full the memory is.
func (r *Shared) Status() Status { return r.table.status(r.used) }
