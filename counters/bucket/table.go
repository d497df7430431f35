package bucket

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/theriac-edge/theriac/counters/keyset"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// ways is how many slots a set has. With seven of them a set is eight cache
// lines long, and a look-up touches two: the tags and the one slot.
const ways = 7

// slot is what an edge knows of one key. All times are nanoseconds since
// dawn, so that zero is the far past and an empty slot equals a key that was
// never seen.
type slot struct {
	key      netkey.Key
	tat      int64  // when the bucket is full again, as this edge sees it
	mine     int64  // the same, if there were only the tokens in owed
	known    int64  // the same, as the shared store saw it at the last settlement
	penalty  int64  // until when the key is refused for ignoring refusals; 0 for never
	owed     int32  // tokens spent here that are not yet settled
	refusals uint32 // in this row
	strikes  uint32 // refusals since the last penalty began
	level    uint8  // penalties in this row
	asked    bool   // the settling of owed is under way
	met      bool   // other edges spend from this bucket too
	alone    bool   // since the last settlement tokens came from this edge's share of the limit
}

// matters is until when forgetting the slot would change an answer: a bucket
// that is full again equals one that does not exist.
func (s *slot) matters() int64 { return max(s.tat, s.penalty) }

type set struct {
	mu    sync.Mutex
	tags  [ways]uint64 // first halves of the keys in slots
	slots [ways]slot
}

// table holds slots in a fixed piece of memory. A key can live in one set
// only, and there takes the place of the key whose forgetting matters least.
// Memory that was never needed is never touched.
type table struct {
	sets    []set
	start   time.Time
	keys    atomic.Int64
	evicted atomic.Int64
}

// headroom is for what else a store consists of.
const headroom = 64 << 10

func newTable(capBytes int64) *table {
	n := max(1, (capBytes-headroom)/int64(unsafe.Sizeof(set{})))
	t := &table{sets: make([]set, n), start: time.Now()}
	hugePages(t.sets)
	return t
}

// dawn lies 73 years before the table's making. Nothing that is asked of a
// table happens before it.
const dawn = 1 << 61

// at is now as slots count it. Times that time.Now made are compared by the
// monotonic clock, so that a corrected wall clock refuses no client.
func (t *table) at(now time.Time) int64 { return int64(now.Sub(t.start)) + dawn }

// set finds the set where key may live. Keys are keyed hashes: without the
// secret it is impossible to choose many that meet in one set.
func (t *table) set(key *netkey.Key) *set {
	i, _ := bits.Mul64(binary.LittleEndian.Uint64(key[8:]), uint64(len(t.sets)))
	return &t.sets[i]
}

// find returns the slot of key, or nil. The caller holds the set's lock.
func (s *set) find(key *netkey.Key) *slot {
	tag := binary.LittleEndian.Uint64(key[:8])
	for i := range s.tags {
		if s.tags[i] == tag && s.slots[i].key == *key {
			return &s.slots[i]
		}
	}
	return nil
}

// claim returns the slot of key and makes one if there is none. The caller
// holds the set's lock.
func (t *table) claim(s *set, key *netkey.Key, lim *Limit, now int64) *slot {
	if found := s.find(key); found != nil {
		return found
	}
	least := 0
	for i := range s.slots {
		if s.slots[i].matters() < s.slots[least].matters() {
			least = i
		}
	}
	switch old := s.slots[least].matters(); {
	case old == 0:
		t.keys.Add(1)
	case old > now:
		t.evicted.Add(1)
	}
	s.tags[least] = binary.LittleEndian.Uint64(key[:8])
	s.slots[least] = slot{key: *key, tat: now, met: lim.Spread}
	return &s.slots[least]
}

// capacity is how many keys the table holds at most.
func (t *table) capacity() int { return len(t.sets) * ways }

// status is how full the table and the set of used keys are.
func (t *table) status(used *keyset.Set) Status {
	return Status{int(t.keys.Load()), t.capacity(), t.evicted.Load() + used.Evicted()}
}

// peek returns what taking a token from key would. most is how far from
// full the bucket can be.
func (t *table) peek(key *netkey.Key, lim *Limit, now, most int64) Decision {
	s := slot{tat: now}
	set := t.set(key)
	set.mu.Lock()
	if found := set.find(key); found != nil {
		s = *found
	}
	set.mu.Unlock()
	every, window := lim.terms()
	s.renew(lim, now, most)
	if wait := s.wait(now, every, window); wait > 0 {
		return s.refuse(lim, now, wait)
	}
	return s.pay(now, every, window)
}
