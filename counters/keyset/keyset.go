// Package keyset keeps keys for a while in a fixed piece of memory: solutions that
// were used, subnets that customers came from.
//
// It does no I/O. A key without room displaces the one of its set that ends first;
// Evicted counts those that still mattered.
package keyset

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// ways is how many keys a bucket has: with 21 of them it is eight cache lines
// long.
const ways = 21

// slot is a key and until when it is kept, in nanoseconds since dawn. An empty
// slot ended in the far past.
type slot struct {
	key   netkey.Key
	until int64
}

// EntryBytes is what one key costs.
const EntryBytes = int64(unsafe.Sizeof(bucket{})) / ways

type bucket struct {
	mu    sync.Mutex
	slots [ways]slot
}

// Set is a set of keys. Its methods are safe for concurrent use.
type Set struct {
	buckets []bucket
	start   time.Time
	evicted atomic.Int64
}

const (
	maxLife = 1 << 54 // nanoseconds, 208 days: a longer life is cut
	dawn    = 1 << 61 // 73 years before the set's making; nothing happens before it
)

// New makes a set that uses no more than that many bytes of memory.
func New(bytes int64) *Set {
	n := max(1, bytes/int64(unsafe.Sizeof(bucket{})))
	return &Set{buckets: make([]bucket, n), start: time.Now()}
}

// Add adds the key for life, and reports whether it was not in the set. Of any
// number of calls at the same time one is the first.
func (s *Set) Add(key *netkey.Key, now time.Time, life time.Duration) (first bool) {
	return s.Renew(key, now, life, life)
}

// Renew keeps the key for life from now on, and reports whether that was not done
// within the last gap: then it changes nothing.
func (s *Set) Renew(key *netkey.Key, now time.Time, life, gap time.Duration) bool {
	at, b := s.at(now), s.bucket(key)
	until := at + max(1, min(int64(life), maxLife))
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := &b.slots[0]
	for i := range b.slots {
		old := &b.slots[i]
		if old.key == *key && old.until > at {
			if old.until > until-max(1, int64(gap)) {
				return false
			}
			mine = old
			break
		}
		if old.until < mine.until {
			mine = old
		}
	}
	if mine.until > at && mine.key != *key {
		s.evicted.Add(1)
	}
	*mine = slot{*key, until}
	return true
}

// Left is for how long the key is still in the set: 0 if it is not.
func (s *Set) Left(key *netkey.Key, now time.Time) time.Duration {
	at, b := s.at(now), s.bucket(key)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.slots {
		if b.slots[i].key == *key && b.slots[i].until > at {
			return time.Duration(b.slots[i].until - at)
		}
	}
	return 0
}

// All returns the keys in the set.
func (s *Set) All(now time.Time) (keys []netkey.Key) {
	at := s.at(now)
	for i := range s.buckets {
		b := &s.buckets[i]
		b.mu.Lock()
		for _, one := range b.slots {
			if one.until > at {
				keys = append(keys, one.key)
			}
		}
		b.mu.Unlock()
	}
	return keys
}

// Evicted is how many keys were displaced while they still mattered.
func (s *Set) Evicted() int64 { return s.evicted.Load() }

// at is now as slots count it. Times that time.Now made are compared by the
// monotonic clock.
func (s *Set) at(now time.Time) int64 { return int64(now.Sub(s.start)) + dawn }

// bucket finds where a key may be. Keys are keyed hashes: without the secret it
// is impossible to choose many that meet in one bucket.
func (s *Set) bucket(key *netkey.Key) *bucket {
	i, _ := bits.Mul64(binary.LittleEndian.Uint64(key[8:]), uint64(len(s.buckets)))
	return &s.buckets[i]
}
