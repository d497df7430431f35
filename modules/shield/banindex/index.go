// Package banindex is what an edge knows of the bans besides the store: how many hold, whose
// addresses came here, and which bans were not made.
//
// It belongs to the app shield, and holds addresses in memory only. What has no room is
// forgotten: the bans hold nevertheless.
package banindex

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Index is that of one edge. It outlives reloads, and its methods may be called at the same
// time.
type Index struct {
	All, Some atomic.Int64 // bans in force: at all shops, at a single one

	mu      sync.RWMutex
	bans    map[netkey.Key][]ban.Ban
	prefix  map[netkey.Key]netip.Prefix // of bans whose address came here
	pending map[netkey.Key]Pending      // requests that the store has not answered yet
	notes   []Note                      // the last ones, oldest first

	hidden  map[shop.ID]*hidden
	origins map[netkey.Key]*hidden // of bans at all shops that were made here: for what happened at which shop
}

// Pending is a ban that the store has been asked for.
type Pending struct {
	Ban    ban.Ban
	Client netip.Prefix    // whose key the ban has
	At     shop.ID         // where it happened
	End    func(made bool) // to be called with the answer
}

const (
	maxPrefixes = 65536 // as many as there can be bans
	maxPending  = 1024
	maxNotes    = 32

	// forgetPending is when a request without an answer is forgotten, where there
	// is no room for another. The store answers within seconds.
	forgetPending = time.Minute
)

// New returns an index of no bans.
func New() *Index {
	return &Index{
		bans: make(map[netkey.Key][]ban.Ban), prefix: make(map[netkey.Key]netip.Prefix), pending: make(map[netkey.Key]Pending),
		hidden: make(map[shop.ID]*hidden), origins: make(map[netkey.Key]*hidden),
	}
}

// Apply takes in an event of the store. It returns the banned prefix if its
// address came here, and the request that the event answers.
func (x *Index) Apply(e ban.Event) (prefix netip.Prefix, met bool, answered *Pending) {
	x.mu.Lock()
	defer x.mu.Unlock()
	prefix, met = x.prefix[e.Key]
	if p, ok := x.pending[e.Key]; ok && p.Ban.Shop == e.Shop && !(e.Over() && e.Told.Before(p.Ban.Told)) {
		delete(x.pending, e.Key)
		answered = &p
	}
	if e.Kind == ban.Refused {
		x.forgetUnbanned(e.Key)
		return prefix, met, answered
	}
	if answered != nil && e.Kind == ban.Set && e.Shop == "" {
		x.belongs(e.Key, answered.At)
	}
	count := &x.All
	if e.Shop != "" {
		count = &x.Some
	}
	bans := x.bans[e.Key]
	at := slices.IndexFunc(bans, func(b ban.Ban) bool { return b.Shop == e.Shop })
	switch {
	case e.Over() && at >= 0:
		count.Add(-1)
		if e.Shop == "" {
			delete(x.origins, e.Key)
		}
		if bans = slices.Delete(bans, at, at+1); len(bans) > 0 {
			x.bans[e.Key] = bans
			break
		}
		delete(x.bans, e.Key)
		delete(x.prefix, e.Key)
	case e.Over():
		x.forgetUnbanned(e.Key)
	case at >= 0:
		bans[at] = e.Ban
	default:
		count.Add(1)
		x.bans[e.Key] = append(bans, e.Ban)
	}
	return prefix, met, answered
}

// Meet notes which prefix the key of a ban stands for, and reports whether that
// is new.
func (x *Index) Meet(key netkey.Key, prefix netip.Prefix) bool {
	x.mu.RLock()
	_, met := x.prefix[key]
	x.mu.RUnlock()
	if met {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.bans[key]) == 0 || len(x.prefix) >= maxPrefixes {
		return false // the ban has just ended, or there is no room
	}
	x.prefix[key] = prefix
	return true
}

// Expect is Meet for a ban that is about to be made.
func (x *Index) Expect(key netkey.Key, prefix netip.Prefix) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.prefix) < maxPrefixes {
		x.prefix[key] = prefix
	}
}

// Request notes what the store is asked for: it answers with an event.
func (x *Index) Request(p Pending) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.pending) >= maxPending {
		for key, old := range x.pending {
			if p.Ban.Told.Sub(old.Ban.Told) > forgetPending {
				delete(x.pending, key)
				x.forgetUnbanned(key)
			}
		}
	}
	if len(x.prefix) < maxPrefixes && len(x.pending) < maxPending {
		x.prefix[p.Ban.Key] = p.Client
		x.pending[p.Ban.Key] = p
	}
}

// Cancel forgets a request, and which prefix a key stands for if that is not
// banned.
func (x *Index) Cancel(key netkey.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.pending, key)
	x.forgetUnbanned(key)
}

// forgetUnbanned expects the caller to hold the lock.
func (x *Index) forgetUnbanned(key netkey.Key) {
	if _, waits := x.pending[key]; !waits && len(x.bans[key]) == 0 {
		delete(x.prefix, key)
	}
}

// PrefixOf returns the prefix behind a ban's key, if its address came to this
// edge.
func (x *Index) PrefixOf(key netkey.Key) (netip.Prefix, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	prefix, ok := x.prefix[key]
	return prefix, ok
}

// Count returns how many bans a key has: one at most for each shop, and one for
// all shops.
func (x *Index) Count(key netkey.Key) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.bans[key])
}

// KeysOf returns the keys of bans of a prefix whose address came here.
func (x *Index) KeysOf(prefix netip.Prefix) (keys []netkey.Key) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for key, of := range x.prefix {
		if of == prefix {
			keys = append(keys, key)
		}
	}
	return keys
}

// InForce returns the bans at all shops whose addresses came here, by prefix.
func (x *Index) InForce() map[netip.Prefix]ban.Ban {
	x.mu.RLock()
	defer x.mu.RUnlock()
	bans := make(map[netip.Prefix]ban.Ban, len(x.prefix))
	for key, prefix := range x.prefix {
		for _, b := range x.bans[key] {
			if b.Shop == "" {
				bans[prefix] = b
			}
		}
	}
	return bans
}

// Note is a ban that was not made, for operators.
type Note struct {
	At      time.Time `json:"at"`
	Client  string    `json:"client"` // its address
	Shop    shop.ID   `json:"shop"`
	Cause   ban.Cause `json:"cause"`
	Rule    string    `json:"rule"`
	Outcome string    `json:"outcome"` // see shield.Because
}

// Note keeps a note.
func (x *Index) Note(n Note) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.notes) >= maxNotes {
		x.notes = append(x.notes[:0], x.notes[1:]...)
	}
	x.notes = append(x.notes, n)
}

// Notes returns the last notes, oldest first.
func (x *Index) Notes() []Note {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.notes)
}
