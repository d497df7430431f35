package waf

import (
	"iter"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// What inspections cost is charged to the client, subnet and site that cause it, a token for
// each 5 ms. One that exceeds its share is refused while the shop is short of time, so that
// others are not.
const tokenTime = 5 * time.Millisecond

var (
	clientShare = counters.Limit{Interval: 50 * time.Millisecond, Burst: 100}    // a tenth of a core, half a second at once
	subnetShare = counters.Limit{Interval: 12500 * time.Microsecond, Burst: 400} // four times as much
	siteShare   = counters.Limit{Interval: 3125 * time.Microsecond, Burst: 1600} // and for the /48 around it again
)

// shares yields the limits of a visitor with their keys, narrow ones first. IPv4 has no site.
func (h *Handler) shares(v *shop.Visit) iter.Seq2[netkey.Key, *counters.Limit] {
	return func(yield func(netkey.Key, *counters.Limit) bool) {
		of := func(k netkey.Key) netkey.Key { return k.Of(string(h.Shop), "waf") }
		_ = yield(of(v.Client), &clientShare) && yield(of(v.Subnet), &subnetShare) &&
			v.Site != netkey.Key{} && yield(of(v.Site), &siteShare)
	}
}

// charge takes what an inspection has cost from the shares of the visitor.
func (h *Handler) charge(v *shop.Visit, took time.Duration) {
	if isTrusted(v) {
		return
	}
	for key, share := range h.shares(v) {
		for range min(int64(took/tokenTime), clientShare.Burst) {
			h.store.Take(key, share, v.Start)
		}
	}
}

// overspent refuses a visitor that has exceeded its share while the shop is short of time.
// It is a refusal of this stage, which the zone `attacks` counts.
func (h *Handler) overspent(v *shop.Visit) *finding {
	if isTrusted(v) || !h.budget.isShort() {
		return nil
	}
	for key, share := range h.shares(v) {
		if !h.store.Peek(key, share, v.Start).Allowed() {
			return &finding{rule: "share", status: http.StatusTooManyRequests}
		}
	}
	return nil
}

// isTrusted reports whether a visitor has shown to be a customer or a partner: their orders
// are served before those of strangers.
func isTrusted(v *shop.Visit) bool { return v.Partner != nil || v.Trust >= shop.Known }
