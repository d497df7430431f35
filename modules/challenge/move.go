package challenge

import (
	"encoding/binary"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// A pass is good in the subnet where it was earned and, at a time, in one other: a telephone
// leaves its WLAN, a provider assigns another /56, a browser changes between IPv4 and IPv6. A
// third subnet earns a pass of its own. Otherwise one pass would serve a botnet.
var (
	// stay is for how long a token counts as being in a subnet where it was let in. The
	// bucket of its budget cannot tell: after seconds it is as full as before.
	stay = counters.Limit{Interval: 10 * time.Minute, Burst: 2}

	// moves is how often a pass is let into a subnet that is not its own. What stays there is
	// let in again each time that its stay ends, and by then there must be a token.
	// One token is not settled with the store before the next is taken, hence the slack.
	moves = counters.Limit{Interval: stay.Interval - 10*time.Second, Burst: 1, Slack: 2}

	// overnight is the same for passes of yesterday, and of an older secret. Hashes of subnets
	// change at midnight, so its own subnet is one of those that a pass is let into.
	overnight = counters.Limit{Interval: moves.Interval / 2, Burst: 2}
)

// reaches reports whether a pass is good in the visitor's subnet, and has it move there if
// it may.
func (h *Handler) reaches(pass *pow.Pass, v *shop.Visit) bool {
	if pass.Net == subnetOf(v) {
		return true
	}
	budget, limit := uint64(moved), &moves
	if !sameHashes(pass, h.now(v)) {
		budget, limit = movedOvernight, &overnight
	}
	if !h.enters(pass.ID, v, func() bool { return h.store.Take(bucketKey(pass.ID, budget), limit, v.Start).Allowed() }) {
		h.series.movedTooOften.Inc()
		return false
	}
	return true
}

// enters reports whether a token is in the visitor's subnet already, or is admitted to it
// now. A page and what it loads come at once, and only the first of them is to be admitted.
func (h *Handler) enters(id [8]byte, v *shop.Visit, admit func() bool) bool {
	key := stayKey(id, v)
	if h.stays(key, v) {
		return true
	}
	h.entering.Lock()
	defer h.entering.Unlock()
	if h.stays(key, v) {
		return true
	}
	if !admit() {
		return false
	}
	h.store.Take(key, &stay, v.Start)
	return true
}

// stays reports whether the bucket of a stay is not full.
func (h *Handler) stays(key netkey.Key, v *shop.Visit) bool {
	return h.store.Peek(key, &stay, v.Start).Remaining < stay.Burst-1 // Peek subtracts one
}

// stayKey returns the key of the stay of a token in the visitor's subnet.
func stayKey(id [8]byte, v *shop.Visit) netkey.Key {
	key := bucketKey(id, staying)
	for at := 0; at < len(key); at += 8 {
		n := binary.LittleEndian.Uint64(key[at:]) ^ binary.LittleEndian.Uint64(v.Subnet[at:])
		binary.LittleEndian.PutUint64(key[at:], n)
	}
	return key
}
