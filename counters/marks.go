package counters

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/theriac-edge/theriac/shop"
)

// markWays is how many marks a set has: with 21 of them it is eight cache
// lines long.
const markWays = 21

// mark says that a key was used, and until when that must be remembered, in
// nanoseconds since dawn. An empty mark ended in the far past.
type mark struct {
	key   shop.Key
	until int64
}

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
func (m *marks) first(key *shop.Key, now time.Time, life time.Duration) bool {
	at := int64(now.Sub(m.start)) + dawn
	until := at + max(1, min(int64(life), maxWindow))
	i, _ := bits.Mul64(binary.LittleEndian.Uint64(key[8:]), uint64(len(m.sets)))
	set := &m.sets[i]
	set.mu.Lock()
	defer set.mu.Unlock()
	least := &set.marks[0]
	for i := range set.marks {
		old := &set.marks[i]
		if old.key == *key && old.until > at {
			return false
		}
		if old.until < least.until {
			least = old
		}
	}
	if least.until > at {
		m.evicted.Add(1)
	}
	*least = mark{*key, until}
	return true
}
