package denylist

import (
	"net/netip"
	"time"
)

// expiry has the prefixes whose entries may end, by second. Each entry is in one
// second, that of its end or an earlier one, so that an edge that renews a ban over
// and over makes nothing grow.
type expiry struct {
	next     int64 // the first second that was not taken
	bySecond map[int64][]netip.Prefix
}

// put schedules an entry for when it ends, if it does.
func (x *expiry) put(p netip.Prefix, e *entry, until time.Time) {
	if until.IsZero() {
		return
	}
	second := max(x.next, until.Unix()+1)
	if e.due != 0 && e.due <= second {
		return
	}
	e.due = second
	x.bySecond[second] = append(x.bySecond[second], p)
}

// take returns what is scheduled until now. The host's clock may be set in between,
// by decades if it began at zero, and back.
func (x *expiry) take(now time.Time) (all []netip.Prefix) {
	if now.Unix()-x.next > int64(len(x.bySecond)) {
		for second, some := range x.bySecond {
			if second <= now.Unix() {
				all = append(all, some...)
				delete(x.bySecond, second)
			}
		}
		x.next = now.Unix()
	}
	for ; x.next <= now.Unix(); x.next++ {
		all = append(all, x.bySecond[x.next]...)
		delete(x.bySecond, x.next)
	}
	x.next = now.Unix() + 1
	return all
}
