package bans

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// banNode is one ban in the index. Requests read it without a lock, so what they
// read is never changed: a new node takes its place.
type banNode struct {
	ban.Ban
	next   atomic.Pointer[banNode]
	lifted bool       // not in the index
	client netkey.Key // of a lifted one: whose counts are to be forgotten
}

// node is what the map carries for this package.
func node(data any) *banNode {
	n, _ := data.(*banNode)
	return n
}

// buckets are where the nodes of a key begin: as many as there can be bans, so a key
// is alone most of the time. 512 KiB, made when the first ban is.
type buckets [maxBans]atomic.Pointer[banNode]

// index finds bans by key.
type index struct {
	live    atomic.Int64 // bans in it
	buckets atomic.Pointer[buckets]
	mu      sync.Mutex // held to change it
}

// banned finds the ban of key that holds at the shop, without a lock.
func (x *index) banned(key *netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool) {
	if x.live.Load() == 0 {
		return ban.Ban{}, false
	}
	for n := x.buckets.Load().of(key).Load(); n != nil; n = n.next.Load() {
		if n.Key == *key && (n.Shop == "" || n.Shop == at) && now.Before(n.Until) {
			return n.Ban, true
		}
	}
	return ban.Ban{}, false
}

// of returns where the nodes of key begin. Keys are keyed hashes: without the secret
// it is impossible to choose many that meet.
func (b *buckets) of(key *netkey.Key) *atomic.Pointer[banNode] {
	return &b[binary.LittleEndian.Uint16(key[8:])]
}

// apply puts data into the place of old. A lifting hears what it is that was lifted.
func (x *index) apply(old, data *banNode) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old != nil && data != nil && data.lifted {
		data.Cause, data.Rule = old.Cause, old.Rule
	}
	b := x.buckets.Load()
	if b == nil {
		b = &buckets{}
		x.buckets.Store(b)
	}
	var link *atomic.Pointer[banNode]
	if old != nil && !old.lifted {
		link = b.of(&old.Key)
		for n := link.Load(); n != old; n = link.Load() {
			link = &n.next
		}
	}
	switch {
	case data == nil || data.lifted:
		if link != nil {
			link.Store(old.next.Load())
			x.live.Add(-1)
		}
	case link != nil:
		data.next.Store(old.next.Load())
		link.Store(data)
	default:
		head := b.of(&data.Key)
		data.next.Store(head.Load())
		head.Store(data)
		x.live.Add(1)
	}
}

// of returns the bans of key.
func (x *index) of(key *netkey.Key) (known []ban.Ban) {
	if b := x.buckets.Load(); b != nil {
		for n := b.of(key).Load(); n != nil; n = n.next.Load() {
			if n.Key == *key {
				known = append(known, n.Ban)
			}
		}
	}
	return known
}

// all returns the bans that hold.
func (x *index) all(now time.Time) []ban.Ban {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := make([]ban.Ban, 0, x.live.Load())
	if b := x.buckets.Load(); b != nil {
		for i := range b {
			for n := b[i].Load(); n != nil; n = n.next.Load() {
				if now.Before(n.Until) {
					all = append(all, n.Ban)
				}
			}
		}
	}
	return all
}
