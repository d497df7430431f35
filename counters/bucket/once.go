package bucket

import (
	"context"
	"time"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// usedShare is the part of the memory for keys that are used once: a sixteenth. One
// is 24 bytes long, so 64 MiB remember 172,032 of them, or 570 per second for five
// minutes. Each has cost its maker the solving of a puzzle, and the shared store
// remembers it, too.
const usedShare = 16

// Once reports whether this is the first time that key is used, at all edges, and
// remembers that for life. shared is false where only this edge could be asked.
//
// What was used at this edge is known here, so a replay never reaches the store, and
// a store that was lost since admits no replay at this edge. The store is asked even
// if the visitor has hung up: a solution that was sent is used. It is given more time
// than a request gets, five deadlines: while it is slow for a moment, as at the first
// connection, one solution must not do at each edge.
func (r *Shared) Once(ctx context.Context, key netkey.Key, life time.Duration) (first, shared bool) {
	isLost := r.tier.Lost() || r.tier.IsCutOff(partition(&key))
	if !r.used.Add(&key, time.Now(), life) {
		return false, !isLost
	}
	if isLost {
		return true, false
	}
	first, err := r.tier.SetOnce(ctx, partition(&key), name("once", &key), life)
	if err != nil {
		return true, false
	}
	return first, true
}
