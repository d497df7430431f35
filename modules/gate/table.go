package gate

import (
	"sync"
	"sync/atomic"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// A table counts the open connections of each prefix exactly. A prefix is tracked while
// it has connections, so nothing is evicted; a prefix that does not fit is not counted.
type table struct {
	shards    [tableShards]shard
	untracked atomic.Uint64
}

type shard struct {
	mu     sync.Mutex
	counts map[netkey.Key]count
}

// count is how many connections a prefix has, or may have.
type count struct{ connections, unfinished int32 }

// limits are the highest counts of the two scopes of a connection.
type limits [scopes]count

const (
	tableShards = 64
	shardSize   = 2048 // prefixes: 131,072 in all, about 8 MiB
)

func (t *table) init() {
	for i := range t.shards {
		t.shards[i].counts = make(map[netkey.Key]count)
	}
}

// A slot is what a connection is counted under. An exempt one has the zero value.
type slot struct {
	taken   bool
	keys    [scopes]netkey.Key
	counted [scopes]bool
}

// enter counts a new connection in both scopes, or in neither and returns which limit it
// exceeds. With force it is counted in any case.
func (t *table) enter(keys *[scopes]netkey.Key, most *limits, force bool) (s slot, o outcome) {
	s.taken, s.keys, o = true, *keys, accepted
	for i := range keys {
		full := accepted
		if s.counted[i], full = t.shard(&keys[i]).enter(keys[i], most[i], force); full == accepted {
			if !s.counted[i] {
				t.untracked.Add(1)
			}
			continue
		}
		o = full
		if !force {
			t.leave(&s, true)
			return slot{}, o
		}
	}
	return s, o
}

func (t *table) shard(key *netkey.Key) *shard { return &t.shards[key[15]%tableShards] }

func (s *shard) enter(key netkey.Key, most count, force bool) (counted bool, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	has, known := s.counts[key]
	switch {
	case has.connections >= most.connections:
		o = connections
	case has.unfinished >= most.unfinished:
		o = handshakes
	}
	if o != accepted && !force || !known && len(s.counts) >= shardSize {
		return false, o
	}
	s.counts[key] = count{has.connections + 1, has.unfinished + 1}
	return true, o
}

// finish records that a connection's handshake has finished.
func (t *table) finish(s *slot) { t.add(s, count{unfinished: -1}) }

// leave records that a connection was closed.
func (t *table) leave(s *slot, unfinished bool) {
	less := count{connections: -1}
	if unfinished {
		less.unfinished = -1
	}
	t.add(s, less)
}

func (t *table) add(s *slot, more count) {
	for i := range s.keys {
		if !s.counted[i] {
			continue
		}
		shard := t.shard(&s.keys[i])
		shard.mu.Lock()
		has := shard.counts[s.keys[i]]
		has.connections += more.connections
		has.unfinished += more.unfinished
		if has == (count{}) {
			delete(shard.counts, s.keys[i])
		} else {
			shard.counts[s.keys[i]] = has
		}
		shard.mu.Unlock()
	}
}

// len returns how many prefixes have connections.
func (t *table) len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.counts)
		s.mu.Unlock()
	}
	return n
}
