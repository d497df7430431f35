package counters

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// markWays is how many marks a set has: with 21 of them it is eight cache
// lines long.
const markWays = 21

// mark says that a key was used, and until when that must be remembered, in
// nanoseconds since dawn. An empty mark ended in the far past.
type mark struct {
	key   netkey.Key
	until int64
}

// markBytes is what one mark costs.
const markBytes = int64(unsafe.Sizeof(markSet{})) / markWays

type markSet struct {
	mu    sync.Mutex
	marks [markWays]mark
}

// marks are keys that may be used once, in a fixed piece of memory. What would
// not fit displaces the mark that ends first.
type marks struct {
	sets    []markSet
	start   time.Time
	evicted atomic.Int64
}

// markShare is the part of a store's memory that marks get: a sixteenth. A
// mark is 24 bytes long, so 64 MiB remember 172,032 of them, or 570 a second
// for five minutes. Each has cost its maker the solving of a puzzle, and the
// shared store remembers it, too.
const markShare = 16

func newMarks(capBytes int64) *marks {
	n := max(1, capBytes/int64(unsafe.Sizeof(markSet{})))
	return &marks{sets: make([]markSet, n), start: time.Now()}
}

// first marks the key for life, and reports whether it was not marked before.
// Of any number of calls at the same time one is the first.
func (m *marks) first(key *netkey.Key, now time.Time, life time.Duration) bool {
	return m.renew(key, now, life, life)
}

// renew marks the key for life from now on, and reports whether that was not
// done within the last gap: then it changes nothing.
func (m *marks) renew(key *netkey.Key, now time.Time, life, gap time.Duration) bool {
	at, set := m.at(now), m.set(key)
	until := at + max(1, min(int64(life), maxWindow))
	set.mu.Lock()
	defer set.mu.Unlock()
	mine := &set.marks[0]
	for i := range set.marks {
		old := &set.marks[i]
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
		m.evicted.Add(1)
	}
	*mine = mark{*key, until}
	return true
}

// left is for how long the key is still marked: 0 if it is not.
func (m *marks) left(key *netkey.Key, now time.Time) time.Duration {
	at, set := m.at(now), m.set(key)
	set.mu.Lock()
	defer set.mu.Unlock()
	for i := range set.marks {
		if set.marks[i].key == *key && set.marks[i].until > at {
			return time.Duration(set.marks[i].until - at)
		}
	}
	return 0
}

// all are the keys that are marked.
func (m *marks) all(now time.Time) (keys []netkey.Key) {
	at := m.at(now)
	for i := range m.sets {
		set := &m.sets[i]
		set.mu.Lock()
		for _, mark := range set.marks {
			if mark.until > at {
				keys = append(keys, mark.key)
			}
		}
		set.mu.Unlock()
	}
	return keys
}

// at is now as marks count it.
func (m *marks) at(now time.Time) int64 { return int64(now.Sub(m.start)) + dawn }

// set finds the set where key may be marked.
func (m *marks) set(key *netkey.Key) *markSet {
	i, _ := bits.Mul64(binary.LittleEndian.Uint64(key[8:]), uint64(len(m.sets)))
	return &m.sets[i]
}
