package counters

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

const (
	maxAsking    = 16384 // bans that the store is being asked for
	maxForgotten = 4096  // buckets that the store is yet to forget
	maxSpread    = 256   // bans, vouchers or buckets in one command
)

// errands are what the loop of spread is to tell the store.
type errands struct {
	mu sync.Mutex
	todo
	wake chan struct{} // there is something to do
}

// todo is what there is to do.
type todo struct {
	rows    []*row
	vouched []netkey.Key
	forget  []netkey.Key
	behind  bool // this edge lacks some of the list, or the store does
}

// add adds to the errands.
func (e *errands) add(to func(t *todo)) {
	e.mu.Lock()
	to(&e.todo)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// later adds to the errands that can wait for others.
func (e *errands) later(key netkey.Key) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.vouched) < maxAsking {
		e.vouched = append(e.vouched, key)
	}
	if len(e.vouched) == 1 {
		time.AfterFunc(settleGap, func() { e.add(func(*todo) {}) })
	}
}

// take takes all errands over.
func (e *errands) take() todo {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.todo
	e.todo = todo{}
	return t
}

// spread is the third background loop: it runs the errands, each as soon as
// the one before is done, so a quiet store knows of a ban a round trip later
// and a busy one gets many at a time.
func (r *Redis) spread(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			r.runErrands()
			return
		case <-r.errands.wake:
			r.runErrands()
		}
	}
}

func (r *Redis) runErrands() {
	defer r.bans.deliver()
	todo := r.errands.take()
	r.tellVouched(todo.vouched)
	r.tellBans(todo.rows)
	r.tellForgotten(todo.forget)
	if todo.behind {
		r.catchUp()
	}
}

// fallBehind has the list compared with the store's.
func (r *Redis) fallBehind() { r.errands.add(func(t *todo) { t.behind = true }) }

// keepUpBans compares the list with the store's if the heartbeat shows that
// they differ, or that something was not told.
func (r *Redis) keepUpBans(version int64) {
	r.bans.mu.Lock()
	same := r.bans.version == version && r.bans.untold == 0
	r.bans.mu.Unlock()
	if !same {
		r.fallBehind()
	}
}

// tellVouched tells the store where customers came from. What it does not hear
// it is told a minute later, by the next customer, or when it is back.
func (r *Redis) tellVouched(keys []netkey.Key) {
	for some := range slices.Chunk(keys, maxSpread) {
		if r.lost.Load() {
			return
		}
		args, now := []any{maxVouched}, time.Now()
		for _, key := range some {
			if left := r.bans.vouchers.left(&key, now); left > 0 {
				args = append(args, keyText(&key), wholeMillis(left).Milliseconds())
			}
		}
		_ = r.call(context.Background(), settlePatience*r.opts.Deadline, func(ctx context.Context) error {
			r.commands.Add(1)
			return vouch.Run(ctx, r.client, []string{vouchedKey}, args...).Err()
		})
	}
}

// tellForgotten has buckets deleted in the store. Those that it does not hear
// of now it is told again.
func (r *Redis) tellForgotten(keys []netkey.Key) {
	for some := range slices.Chunk(keys, maxSpread) {
		err := errLost
		if !r.lost.Load() {
			err = r.call(context.Background(), settlePatience*r.opts.Deadline, func(ctx context.Context) error {
				pipe := r.client.Pipeline() // in a Cluster each may be elsewhere
				for _, key := range some {
					pipe.Del(ctx, name(&key))
				}
				r.commands.Add(int64(len(some)))
				_, err := pipe.Exec(ctx)
				return err
			})
		}
		if err != nil {
			r.errands.mu.Lock()
			if len(r.errands.forget) < maxForgotten {
				r.errands.forget = append(r.errands.forget, some...)
			}
			r.errands.mu.Unlock()
		}
	}
}
