package bucket

import (
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// fallback are the buckets that an edge goes on with while the store is lost:
// each holds this edge's share of a limit, limit ÷ live edges.
type fallback struct {
	buckets *otter.Cache[netkey.Key, *rate.Limiter]
}

// fallbackBytes is what one bucket costs: 168 bytes with the cache's own records,
// and room for those that the cache has yet to throw out.
const fallbackBytes = 256

func newFallback(capBytes int64) *fallback {
	return &fallback{otter.Must(&otter.Options[netkey.Key, *rate.Limiter]{
		MaximumSize: int(max(1, capBytes/fallbackBytes)),
	})}
}

// take takes one token from this edge's share of the limit, and says how long
// to wait if there is none.
func (f *fallback) take(s *slot, lim *Limit, nodes int64, now time.Time, at int64) (wait int64) {
	l, ok := f.buckets.GetIfPresent(s.key)
	if !ok {
		l = share(s, lim, nodes, now, at)
		f.buckets.Set(s.key, l)
	}
	if l.AllowN(now, 1) {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	return max(1, int64(missing/float64(l.Limit())*float64(time.Second)))
}

// share makes a bucket that is as full as the whole one was: it was emptied
// as long ago.
func share(s *slot, lim *Limit, nodes int64, now time.Time, at int64) *rate.Limiter {
	every, window := lim.terms()
	burst := int(max(1, lim.Burst/nodes))
	l := rate.NewLimiter(rate.Every(time.Duration(every))/rate.Limit(nodes), burst)
	if s.tat > at {
		l.AllowN(now.Add(time.Duration(s.tat-at-window)), burst)
	}
	return l
}

// forget empties those of partitions that are shared again.
func (f *fallback) forget(back tier.Set) {
	for key := range f.buckets.Keys() {
		if back.Has(partition(&key)) {
			f.buckets.Invalidate(key)
		}
	}
}

// forgetAll empties them: the store is back.
func (f *fallback) forgetAll() { f.buckets.InvalidateAll() }
