package counters

import (
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

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
func (v *vouchers) note(key *shop.Key, now time.Time) bool {
	m := v.marks.Load()
	if m == nil {
		v.marks.CompareAndSwap(nil, newMarks(maxVouched*markBytes))
		m = v.marks.Load()
	}
	return m.renew(key, now, vouchLife, vouchAgain)
}

// has reports whether a customer came lately.
func (v *vouchers) has(key *shop.Key, now time.Time) bool {
	m := v.marks.Load()
	return m != nil && m.has(key, now)
}
