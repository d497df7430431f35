package challenge

import (
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// network is what all visitors of one subnet, a /24 or /56, may do together, and those
// of one site: the /48 around a /56, which one customer can rent with its 256 subnets.
type network struct {
	name         string
	subnet, site counters.Limit
}

// perSite is how many subnets' worth a site gets.
const perSite = 4

func around(name string, interval time.Duration, burst int64) *network {
	return &network{
		name, counters.Limit{Interval: interval, Burst: burst}, counters.Limit{Interval: interval / perSite, Burst: burst * perSite},
	}
}

// takeAround takes from the visitor's subnet, and then from its site. Remaining is what the
// scarcer of both leaves, in the subnet's measure.
func (h *Handler) takeAround(v *shop.Visit, n *network) counters.Decision {
	d := h.store.Take(h.limitKey(v.Subnet, n.name), &n.subnet, v.Start)
	if !d.Allowed() || v.Site == (netkey.Key{}) {
		return d
	}
	return scarcer(d, h.store.Take(h.limitKey(v.Site, n.name), &n.site, v.Start))
}

// peekAround returns what takeAround would.
func (h *Handler) peekAround(v *shop.Visit, n *network) counters.Decision {
	d := h.store.Peek(h.limitKey(v.Subnet, n.name), &n.subnet, v.Start)
	if !d.Allowed() || v.Site == (netkey.Key{}) {
		return d
	}
	return scarcer(d, h.store.Peek(h.limitKey(v.Site, n.name), &n.site, v.Start))
}

func scarcer(subnet, site counters.Decision) counters.Decision {
	if !site.Allowed() {
		return site
	}
	subnet.Remaining = min(subnet.Remaining, site.Remaining/perSite)
	return subnet
}

// budget is a network's, and what one client may use of it: one that is refused by its
// own share takes nothing from its neighbours. A mobile carrier has thousands of customers in
// one subnet.
type budget struct {
	*network
	client counters.Limit
}

var (
	passIssue = shared("passes", 1*time.Second, 120, 2*time.Second, 40) // passes for work
	waits     = shared("waits", 6*time.Second, 12, time.Minute, 3)      // passes for waiting
	uploads   = shared("uploads", 1*time.Second, 20, 5*time.Second, 5)  // large bodies that are read and dropped
	stamps    = shared("stamps", 2*time.Second, 60, time.Minute, 12)    // time stamps
)

// answers is how many answers of any kind one client may send. Right ones count in the
// subnet's budget of passes; wrong ones count in nothing of it.
var answers = counters.Limit{Interval: 200 * time.Millisecond, Burst: 40}

func shared(name string, interval time.Duration, burst int64, own time.Duration, most int64) *budget {
	return &budget{around(name, interval, burst), counters.Limit{Interval: own, Burst: most}}
}

// take takes from the client's share of a budget, and then from the budget.
func (h *Handler) take(v *shop.Visit, b *budget) counters.Decision {
	if d := h.store.Take(h.limitKey(v.Client, b.name), &b.client, v.Start); !d.Allowed() {
		return d
	}
	return h.takeAround(v, b.network)
}

// peek returns what take would.
func (h *Handler) peek(v *shop.Visit, b *budget) counters.Decision {
	if d := h.store.Peek(h.limitKey(v.Client, b.name), &b.client, v.Start); !d.Allowed() {
		return d
	}
	return h.peekAround(v, b.network)
}
