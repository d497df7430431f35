package watch_test

import (
	"math"
	"math/rand/v2"

	"github.com/theriac-edge/theriac/watch"
)

// backend is the servers of a shop: a queue that is worked off at a rate, behind the
// whole-shop limits of the preset.
type backend struct {
	capacity float64 // pages a second
	latency  float64 // of a page, in seconds
	trouble  trouble

	roomy bool // the whole-shop limits are set for more
	zone  zone // the operator's own, for the whole shop

	queue         float64 // pages that wait
	pages, orders float64 // tokens of the two limits
}

// trouble is servers that are slow or down, until then. People press reload.
type trouble struct {
	until  int64
	slow   float64 // latency times this, capacity through it
	down   bool
	reload float64 // how much more people ask
}

// costs are what a request costs, in pages.
var costs = [watch.Streams]float64{watch.Page: 1, watch.Search: 3, watch.Account: 1.5, watch.Order: 2}

const (
	pagesRate, pagesBurst   = 200, 400 // of the zone pages
	ordersRate, ordersBurst = 100, 200 // of the zone orders
	patience                = 5.0      // seconds that a request waits before it is refused
	slow                    = 1.0      // seconds after which people call it slow
)

// newBackend makes servers that bear eight times the busiest hour, more or less.
func newBackend(r *rand.Rand, size float64) backend {
	peak := size * 5 * 2.5
	return backend{
		capacity: max(20, 8*peak) * math.Exp(0.5*r.NormFloat64()), latency: 0.08 + 0.2*r.Float64(),
		pages: pagesBurst, orders: ordersBurst,
	}
}

func (b *backend) reload(now int64) float64 {
	if b.trouble.until > now {
		return 1 + b.trouble.reload
	}
	return 1
}

// idle says that nothing waits, and that the limits have all their tokens.
func (b *backend) idle() bool {
	return b.queue == 0 && b.zone.full() && b.pages == pagesBurst && b.orders == ordersBurst
}

// serve takes one second of requests, notes in s what became of them, and returns the share
// that was served badly: refused for the whole shop, failed, or slow.
func (b *backend) serve(r *rand.Rand, now int64, through [watch.Streams]float64, s *watch.Second) (bad float64) {
	came := b.limit(&through, s)
	came += b.zone.limit(&through[watch.Search], s)
	demand, n := 0.0, 0.0
	for i, x := range through {
		demand += x * costs[i]
		n += x
		s.Through[i] = int(x + r.Float64())
	}
	if n == 0 && b.queue == 0 {
		return 0
	}
	capacity, latency := b.now(now)
	each := 1.0 // pages a request
	if n > 0 {
		each = demand / n
	}
	b.queue += demand
	done := min(b.queue, capacity)
	b.queue -= done
	shed := max(0, b.queue-patience*capacity)
	b.queue -= shed
	failed := shed / each
	if capacity > 0 && b.queue/capacity+latency > slow {
		failed += done / each
	}
	s.Answered = int((done+shed)/each + r.Float64())
	s.Bad = min(s.Answered, int(failed+r.Float64()))
	s.Waiting = int(b.queue/each + n*latency + r.Float64())
	return max(min(1, failed/max(1, (done+shed)/each)), float64(s.Crowded)/max(1, came))
}

// now returns how much a second is worked off, and how long a page takes.
func (b *backend) now(now int64) (capacity, latency float64) {
	switch {
	case b.trouble.until <= now:
		return b.capacity, b.latency
	case b.trouble.down:
		return 0, b.latency
	}
	return b.capacity / b.trouble.slow, b.latency * b.trouble.slow
}

// limit takes away what is above the whole-shop limits.
func (b *backend) limit(through *[watch.Streams]float64, s *watch.Second) (came float64) {
	if b.roomy {
		return 0
	}
	b.pages = min(pagesBurst, b.pages+pagesRate)
	b.orders = min(ordersBurst, b.orders+ordersRate)
	orders := through[watch.Order]
	pages := through[watch.Page] + through[watch.Search] + through[watch.Account]
	fits := min(1, b.pages/max(1, pages))
	for _, i := range []watch.Stream{watch.Page, watch.Search, watch.Account} {
		through[i] *= fits
	}
	through[watch.Order] = min(orders, b.orders)
	b.pages -= pages * fits
	b.orders -= through[watch.Order]
	s.Crowded = int(pages*(1-fits) + orders - through[watch.Order])
	return pages + orders
}
