package counters

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// place is who is banned where. Of each there is one ban at the most.
type place struct {
	key netkey.Key
	at  shop.ID // empty: at all shops
}

// row is one entry of the list as an edge keeps it. Requests read it without a
// lock, so what they read is never changed: a new row takes its place.
type row struct {
	ban.Ban
	next   atomic.Pointer[row]
	lifted bool       // remembered until the ban would have ended: older news of it must not bring it back
	client netkey.Key // of one that people lifted: whose counts are forgotten

	// Only for who holds the list's lock.
	asked   *BanRequest // what the store is yet to be told; nil: nothing
	stamp   int64       // when it was told, in milliseconds of the store's clock; 0 as long as the store does not know
	version int64       // of the store's list, with this entry
	round   int64       // when the store last had something to say of the place, in readings of the whole list
	index   int         // in ends
}

func (r *row) place() place { return place{r.Key, r.Shop} }

func (r *row) news() ban.Event {
	if r.lifted {
		return ban.Event{Ban: r.Ban, Kind: ban.Lifted, Client: r.client}
	}
	return ban.Event{Ban: r.Ban, Kind: ban.Set}
}

// topic is what a listener hears the last of: what holds in a place, and apart
// from that what was refused there.
type topic struct {
	place
	refused bool
}

// heads are where the rows of a key begin: as many as there can be rows, so a
// key is alone most of the time. 512 KiB, made when the first ban is.
type heads [maxBans]atomic.Pointer[row]

// bans are what one edge knows of the list.
type bans struct {
	live  atomic.Int64 // rows that are bans
	heads atomic.Pointer[heads]

	mu      sync.Mutex
	ends    [2]ends     // of what machines banned and what was lifted; of what people banned
	next    *time.Timer // when the next row is over, or before
	at      time.Time   // when that is; zero: never
	closed  bool
	asking  map[place]*row // that the store is being asked for
	untold  int            // rows that the store is yet to be told of
	version int64          // of the store's list, if this edge knows all of it
	round   int64          // how many times the whole list was read
	doubts  int64          // how many times the version was mistrusted
	audience[topic, ban.Event]

	vouchers vouchers
	caps     caps
}

func newBans() *bans { return &bans{version: unsure, asking: map[place]*row{}} }

// banned finds the ban of key that holds at the shop, without a lock.
func (b *bans) banned(key *netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool) {
	if b.live.Load() == 0 {
		return ban.Ban{}, false
	}
	for r := b.heads.Load().of(key).Load(); r != nil; r = r.next.Load() {
		if r.Key == *key && (r.Shop == "" || r.Shop == at) && !r.lifted && now.Before(r.Until) {
			return r.Ban, true
		}
	}
	return ban.Ban{}, false
}

// of returns where the rows of key begin. Keys are keyed hashes: nobody
// outside can choose many that meet.
func (h *heads) of(key *netkey.Key) *atomic.Pointer[row] {
	return &h[binary.LittleEndian.Uint16(key[8:])]
}

// find returns the row of a place, or nil, and the pointer to it. The caller
// holds the lock.
func (b *bans) find(p place) (link *atomic.Pointer[row], r *row) {
	h := b.heads.Load()
	if h == nil {
		h = &heads{}
		b.heads.Store(h)
	}
	link = h.of(&p.key)
	for r = link.Load(); r != nil && r.place() != p; r = link.Load() {
		link = &r.next
	}
	return link, r
}

// put has r stand in its place, and listeners told, if there is room. When
// there is none, what machines banned and ends first is given up. The caller
// holds the lock.
func (b *bans) put(r *row) bool {
	link, old := b.find(r.place())
	if old == nil && b.size() >= maxBans {
		if b.ends[0].Len() == 0 {
			return false
		}
		b.drop(b.ends[0][0])
		link, old = b.find(r.place())
	}
	if old != nil {
		r.next.Store(old.next.Load())
		b.uncount(old)
	}
	link.Store(r)
	b.ends[r.kind()].push(r)
	if !r.lifted {
		b.live.Add(1)
	}
	if r.asked != nil {
		b.untold++
	}
	b.wake(r.Until)
	if !same(old, r) {
		b.announce(topic{place: r.place()}, r.news())
	}
	return true
}

// drop forgets a row, and has listeners told that a ban is over. The caller
// holds the lock.
func (b *bans) drop(r *row) {
	link, found := b.find(r.place())
	if found != r {
		return
	}
	link.Store(r.next.Load())
	b.uncount(r)
	if !r.lifted {
		b.announce(topic{place: r.place()}, ban.Event{Ban: r.Ban, Kind: ban.Expired})
	}
}

// uncount takes a row that no longer stands off the ends.
func (b *bans) uncount(r *row) {
	b.ends[r.kind()].remove(r)
	if !r.lifted {
		b.live.Add(-1)
	}
	if r.asked != nil {
		b.untold--
	}
}

// size is how many rows there are. The caller holds the lock.
func (b *bans) size() int { return b.ends[0].Len() + b.ends[1].Len() }

// kind is among which ends the row is.
func (r *row) kind() int {
	if r.people() {
		return 1
	}
	return 0
}

// same reports whether nobody needs to be told of the difference.
func same(old, r *row) bool {
	switch {
	case old == nil:
		return r.lifted && r.client == netkey.Key{}
	case r.lifted && old.lifted:
		return r.client == old.client && r.Told.Sub(old.Told).Abs() <= jitter
	}
	return old.lifted == r.lifted && old.Cause == r.Cause && old.Rule == r.Rule && old.Until.Sub(r.Until).Abs() <= jitter
}

// status adds to st what is known of the list.
func (b *bans) status(st Status) Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	st.Bans, st.Pending = int(b.live.Load()), b.untold+len(b.asking)
	st.Refused = BansRefused{b.caps.vouched.Load(), b.caps.capped.Load(), b.caps.noRoom.Load()}
	return st
}

// all returns the bans that hold.
func (b *bans) all(now time.Time) []ban.Ban {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]ban.Ban, 0, b.live.Load())
	for r := range b.rows() {
		if !r.lifted && !r.over(now) {
			list = append(list, r.Ban)
		}
	}
	return list
}

// rows are all rows. The caller holds the lock.
func (b *bans) rows() func(yield func(*row) bool) {
	return func(yield func(*row) bool) {
		for _, e := range b.ends {
			for _, r := range e {
				if !yield(r) {
					return
				}
			}
		}
	}
}
