package demoshop

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"
)

// How much the shop remembers.
const (
	maxDrafts = 100_000
	maxOrders = 100_000
	maxDebts  = 100_000
)

// draft is a checkout form that a customer has open: what will be sent, and the order
// that it became.
type draft struct {
	owner string
	lines []Line
	order string // number; empty while open
}

// book is the order book. Each draft becomes at most one order.
type book struct {
	prefix string

	mu         sync.Mutex
	drafts     *bounded[string, draft]
	lastDraft  *bounded[string, string] // by owner
	orders     *bounded[string, Order]
	idempotent *bounded[string, string]   // order number by Idempotency-Key
	debts      *bounded[string, struct{}] // each one counted in counts.Lost
	counts     Orders
}

func newBook(slug string) *book {
	return &book{
		prefix:     strings.ToUpper(slug),
		drafts:     newBounded[string, draft](maxDrafts),
		lastDraft:  newBounded[string, string](maxDrafts),
		orders:     newBounded[string, Order](maxOrders),
		idempotent: newBounded[string, string](maxOrders),
		debts:      newBounded[string, struct{}](maxDebts),
	}
}

// start writes a draft for owner and returns its number.
func (b *book) start(owner string, lines []Line) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	no := "D" + rand.Text()
	b.drafts.put(no, draft{owner: owner, lines: lines})
	b.lastDraft.put(owner, no)
	b.counts.Started++
	return no
}

// draft looks up a draft that was handed out to owner.
func (b *book) draft(no, owner string) (draft, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.drafts.get(no)
	return d, ok && d.owner == owner
}

// place turns a draft into an order, or finds the order it already became.
func (b *book) place(no, owner string, buyer Buyer, now time.Time) (o Order, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.drafts.get(no)
	if !ok || d.owner != owner {
		b.counts.Unknown++
		return Order{}, false
	}
	if d.order != "" {
		b.counts.Duplicates++
		if o, ok = b.orders.get(d.order); !ok {
			o = Order{No: d.order} // forgotten since, but placed
		}
		return o, true
	}
	o = b.add(Order{Draft: no, Buyer: buyer, Lines: d.lines, Placed: now, owner: owner})
	d.order = o.No
	b.drafts.put(no, d)
	b.settle("draft " + no)
	return o, true
}

// placeDirect takes an order from the API. The same key, unless it is empty,
// gets the same order again.
func (b *book) placeDirect(key string, buyer Buyer, lines []Line, now time.Time) (o Order, repeated bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if no, ok := b.idempotent.get(key); ok && key != "" {
		b.counts.Duplicates++
		if o, ok = b.orders.get(no); !ok {
			o = Order{No: no}
		}
		return o, true
	}
	o = b.add(Order{Buyer: buyer, Lines: lines, Placed: now})
	if key != "" {
		b.idempotent.put(key, o.No)
		b.settle("key " + key)
	}
	return o, false
}

// add numbers o and enters it. The number cannot be guessed from the one
// before: the number is all that it takes to report an order as paid.
func (b *book) add(o Order) Order {
	b.counts.Placed++
	o.No = fmt.Sprintf("%s-%06d-%s", b.prefix, b.counts.Placed, rand.Text()[:8])
	o.Shipping = shipping(o.Lines)
	o.Total = goods(o.Lines) + o.Shipping
	if b.orders.put(o.No, o) {
		b.counts.Forgotten++
	}
	return o
}

// pay records what the payment provider reports. A paid order stays paid, whatever is
// reported later.
func (b *book) pay(no string, paid bool) (o Order, repeated, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok = b.orders.get(no)
	if !ok {
		b.counts.Unknown++
		return Order{}, false, false
	}
	b.settle("payment " + no)
	switch {
	case o.Paid:
		b.counts.RepeatedCallbacks++
		repeated = true
	case paid:
		b.counts.Paid++
		o.Paid = true
		b.orders.update(no, o)
	}
	return o, repeated, true
}

// ship marks an order as sent, once.
func (b *book) ship(no, tracking string) (o Order, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o, ok = b.orders.get(no); !ok {
		return Order{}, false
	}
	if !o.Shipped {
		b.counts.Shipped++
		o.Shipped = true
	}
	if tracking != "" {
		o.Tracking = tracking
	}
	b.orders.update(no, o)
	return o, true
}

func (b *book) order(no string) (Order, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.orders.get(no)
}

// list returns the orders that match, oldest first; never nil, so that JSON
// has a list.
func (b *book) list(match func(Order) bool) []Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Order{}
	for o := range b.orders.all {
		if match(o) {
			found = append(found, o)
		}
	}
	return found
}

func (b *book) count() Orders {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}
