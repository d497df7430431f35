package counters

import (
	_ "embed"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/theriac-edge/theriac/shop/netkey"
)

//go:embed vouch.lua
var vouchLua string
var vouch = redis.NewScript(vouchLua)

const (
	maxVouched = 65536
	vouchLife  = 5 * time.Minute // how long a customer protects his neighbourhood
	vouchAgain = time.Minute     // how soon that is worth telling again
)

// vouchers are the neighbourhoods that customers came from. They are kept like
// marks: about 65,536 in a fixed piece of memory of 1.5 MiB, made when the
// first one comes. One without room takes the place of the oldest of its set.
type vouchers struct{ marks atomic.Pointer[marks] }

// note takes in that a customer came, and reports whether that is news for
// the other edges.
func (v *vouchers) note(key *netkey.Key, now time.Time) bool {
	return v.make().renew(key, now, vouchLife, vouchAgain)
}

// learn takes in that the store knows of customers.
func (v *vouchers) learn(key *netkey.Key, now time.Time, left time.Duration) {
	left = min(left, vouchLife)
	v.make().renew(key, now, left, left)
}

func (v *vouchers) make() *marks {
	if v.marks.Load() == nil {
		v.marks.CompareAndSwap(nil, newMarks(maxVouched*markBytes))
	}
	return v.marks.Load()
}

// has reports whether a customer came lately.
func (v *vouchers) has(key *netkey.Key, now time.Time) bool { return v.left(key, now) > 0 }

// left is for how long nobody is to be banned there.
func (v *vouchers) left(key *netkey.Key, now time.Time) time.Duration {
	m := v.marks.Load()
	if m == nil {
		return 0
	}
	return m.left(key, now)
}

// all are the neighbourhoods that customers came from lately.
func (v *vouchers) all(now time.Time) []netkey.Key {
	m := v.marks.Load()
	if m == nil {
		return nil
	}
	return m.all(now)
}
