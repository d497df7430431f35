package gate

import (
	"sync"
	"sync/atomic"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// A table counts, exactly, the open connections of each place. A place is in it
// as long as it has any, so nothing has to be forgotten to make room; what does
// not fit is not counted.
type table struct {
	shards    [tableShards]shard
	uncounted atomic.Uint64
}

type shard struct {
	mu sync.Mutex
	of map[netkey.Key]count
}

// count is what one place has, or may have.
type count struct{ connections, unfinished int32 }

// rooms are how much the two places of a connection may have.
type rooms [places]count

const (
	tableShards = 64
	shardRoom   = 2048 // places: 131,072 in all, some 8 MiB
)

func (t *table) make() {
	for i := range t.shards {
		t.shards[i].of = make(map[netkey.Key]count)
	}
}

// A seat is where a connection is counted. One that is exempt has none.
type seat struct {
	taken   bool
	keys    [places]netkey.Key
	counted [places]bool
}

// enter counts a new connection in both places, or in none and says why it has
// no room. With force it is counted all the same.
func (t *table) enter(keys *[places]netkey.Key, r *rooms, force bool) (s seat, o outcome) {
	s.taken, s.keys, o = true, *keys, accepted
	for i := range keys {
		full := accepted
		if s.counted[i], full = t.shard(&keys[i]).enter(keys[i], r[i], force); full == accepted {
			if !s.counted[i] {
				t.uncounted.Add(1)
			}
			continue
		}
		o = full
		if !force {
			t.leave(&s, true)
			return seat{}, o
		}
	}
	return s, o
}

func (t *table) shard(key *netkey.Key) *shard { return &t.shards[key[15]%tableShards] }

func (s *shard) enter(key netkey.Key, r count, force bool) (counted bool, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	has, known := s.of[key]
	switch {
	case has.connections >= r.connections:
		o = connections
	case has.unfinished >= r.unfinished:
		o = handshakes
	}
	if o != accepted && !force || !known && len(s.of) >= shardRoom {
		return false, o
	}
	s.of[key] = count{has.connections + 1, has.unfinished + 1}
	return true, o
}

// finish notes that a connection's handshake is over.
func (t *table) finish(s *seat) { t.add(s, count{unfinished: -1}) }

// leave notes that a connection is closed.
func (t *table) leave(s *seat, unfinished bool) {
	less := count{connections: -1}
	if unfinished {
		less.unfinished = -1
	}
	t.add(s, less)
}

func (t *table) add(s *seat, more count) {
	for i := range s.keys {
		if !s.counted[i] {
			continue
		}
		shard := t.shard(&s.keys[i])
		shard.mu.Lock()
		has := shard.of[s.keys[i]]
		has.connections += more.connections
		has.unfinished += more.unfinished
		if has == (count{}) {
			delete(shard.of, s.keys[i])
		} else {
			shard.of[s.keys[i]] = has
		}
		shard.mu.Unlock()
	}
}

// len is how many places have connections.
func (t *table) len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.of)
		s.mu.Unlock()
	}
	return n
}
