package counters

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// Once marks the key. One process is all there is, so the answer holds.
func (m *Memory) Once(_ context.Context, key netkey.Key, life time.Duration) (first, shared bool) {
	return m.marks.first(&key, time.Now(), life), true
}

// Once marks the key here and then in the store. What was used at this edge is
// known here, so a replay never reaches the store, and a store that was lost
// since lets nobody in again at this edge. The store is asked even if the
// visitor has hung up: a solution that was sent is used. It is given more time
// than a request gets: while it is slow for a moment, as at the first
// connection, one solution must not do at each edge.
func (r *Redis) Once(ctx context.Context, key netkey.Key, life time.Duration) (first, shared bool) {
	if !r.marks.first(&key, time.Now(), life) {
		return false, !r.lost.Load()
	}
	if r.lost.Load() {
		return true, false
	}
	err := r.call(context.WithoutCancel(ctx), settlePatience*r.opts.Deadline, func(ctx context.Context) (err error) {
		r.commands.Add(1)
		err = r.client.SetArgs(ctx, onceName(&key), 1, redis.SetArgs{Mode: "NX", TTL: wholeMillis(life)}).Err()
		first = err == nil
		if errors.Is(err, redis.Nil) { // another edge was asked before
			return nil
		}
		return err
	})
	if err != nil {
		return true, false
	}
	return first, true
}

// wholeMillis rounds up to what the store can count: at least one millisecond.
func wholeMillis(d time.Duration) time.Duration {
	return max(time.Millisecond, (d + time.Millisecond - 1).Truncate(time.Millisecond))
}

// onceName is how a mark is called in the store. It has no braces: each mark
// may be on another server of a Cluster.
func onceName(key *netkey.Key) string {
	return "theriac:once:" + base64.RawURLEncoding.EncodeToString(key[:])
}
