package waf

import (
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// What inspections cost is charged to the client and the subnet that cause it, a token for
// each 5 ms. One that exceeds its share is refused while the shop is short of time, so that
// others are not.
const tokenTime = 5 * time.Millisecond

var (
	clientShare = counters.Limit{Interval: 50 * time.Millisecond, Burst: 100}    // a tenth of a core, half a second at once
	subnetShare = counters.Limit{Interval: 12500 * time.Microsecond, Burst: 400} // four times as much
)

// shareKeys are those of a visitor's shares.
func (h *Handler) shareKeys(v *shop.Visit) (client, subnet netkey.Key) {
	return v.Client.Of(string(h.Shop), "waf"), v.Subnet.Of(string(h.Shop), "waf")
}

// charge takes what an inspection has cost from the shares of the visitor.
func (h *Handler) charge(v *shop.Visit, took time.Duration) {
	if isTrusted(v) {
		return
	}
	client, subnet := h.shareKeys(v)
	for range min(int64(took/tokenTime), clientShare.Burst) {
		h.store.Take(client, &clientShare, v.Start)
		h.store.Take(subnet, &subnetShare, v.Start)
	}
}

// overspent refuses a visitor that has exceeded its share while the shop is short of time.
// It is a refusal of this stage, which the zone `attacks` counts.
func (h *Handler) overspent(v *shop.Visit) *finding {
	if isTrusted(v) || !h.budget.isShort() {
		return nil
	}
	client, subnet := h.shareKeys(v)
	if h.store.Peek(client, &clientShare, v.Start).Allowed() && h.store.Peek(subnet, &subnetShare, v.Start).Allowed() {
		return nil
	}
	return &finding{rule: "share", status: http.StatusTooManyRequests}
}

// isTrusted reports whether a visitor has shown to be a customer or a partner: their orders
// are served before those of strangers.
func isTrusted(v *shop.Visit) bool { return v.Partner != nil || v.Trust >= shop.Known }
