package challenge

import (
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// budget is what all visitors of one subnet, a /24 or /56, may do together, and what one
// client may use of it: one that is refused by its own share takes nothing from its
// neighbours. A mobile carrier has thousands of customers in one subnet.
type budget struct {
	name           string
	subnet, client counters.Limit
}

var (
	passIssue = shared("passes", 1*time.Second, 120, 2*time.Second, 40) // passes for work
	waits     = shared("waits", 6*time.Second, 12, time.Minute, 3)      // passes for waiting
	uploads   = shared("uploads", 1*time.Second, 20, 5*time.Second, 5)  // large bodies that are read and dropped
	stamps    = shared("stamps", 2*time.Second, 60, 10*time.Second, 20) // time stamps
)

// answers is how many answers of any kind one client may send. Right ones count in the
// subnet's budget of passes; wrong ones count in nothing of it.
var answers = counters.Limit{Interval: 200 * time.Millisecond, Burst: 40}

func shared(name string, interval time.Duration, burst int64, own time.Duration, most int64) *budget {
	return &budget{name, counters.Limit{Interval: interval, Burst: burst}, counters.Limit{Interval: own, Burst: most}}
}

// take takes from the client's share of a budget, and then from the budget.
func (h *Handler) take(v *shop.Visit, b *budget) counters.Decision {
	if d := h.store.Take(h.limitKey(v.Client, b.name), &b.client, v.Start); !d.Allowed() {
		return d
	}
	return h.store.Take(h.limitKey(v.Subnet, b.name), &b.subnet, v.Start)
}

// peek returns what take would.
func (h *Handler) peek(v *shop.Visit, b *budget) counters.Decision {
	if d := h.store.Peek(h.limitKey(v.Client, b.name), &b.client, v.Start); !d.Allowed() {
		return d
	}
	return h.store.Peek(h.limitKey(v.Subnet, b.name), &b.subnet, v.Start)
}
