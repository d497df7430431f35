package bucket

import (
	"context"
	"time"

	"github.com/theriac-edge/theriac/counters/keyset"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Local are the buckets of one process alone. Their memory is fixed: what would not
// fit displaces the key whose forgetting matters least. The methods are safe for
// concurrent use.
type Local struct {
	table *table
	used  *keyset.Set
}

// NewLocal makes buckets that never use more than that many bytes.
func NewLocal(memory int64) *Local {
	used := memory / usedShare
	return &Local{table: newTable(memory - used), used: keyset.New(used)}
}

// Take takes one token.
func (l *Local) Take(key netkey.Key, lim *Limit, now time.Time) Decision {
	at := l.table.at(now)
	every, window := lim.terms()
	set := l.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s := l.table.claim(set, &key, lim, at)
	s.renew(lim, at, window)
	if wait := s.wait(at, every, window); wait > 0 {
		return s.refuse(lim, at, wait)
	}
	return s.pay(at, every, window)
}

// TakeExact is Take: one process always counts exactly.
func (l *Local) TakeExact(_ context.Context, key netkey.Key, lim *Limit, now time.Time) Decision {
	return l.Take(key, lim, now)
}

// Peek returns what Take would.
func (l *Local) Peek(key netkey.Key, lim *Limit, now time.Time) Decision {
	_, window := lim.terms()
	return l.table.peek(&key, lim, l.table.at(now), window)
}

// Once reports whether this is the first use of key. One process is all there is,
// so the answer holds.
func (l *Local) Once(_ context.Context, key netkey.Key, life time.Duration) (first, shared bool) {
	return l.used.Add(&key, time.Now(), life), true
}

// Forget makes the bucket of key full again.
func (l *Local) Forget(key netkey.Key) { l.table.forget(&key) }

// Started is when the buckets were made.
func (l *Local) Started() time.Time { return l.table.start }

// Status reports how full the memory is.
func (l *Local) Status() Status { return l.table.status(l.used) }
