package challenge

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Budgets of assets while the shop is attacked. They bound what visitors without a pass
// can ask for by paths from which the shop has served assets before.
var (
	strangersAssets = counters.Limit{Interval: 50 * time.Millisecond, Burst: 200} // of a subnet
	strangersMisses = counters.Limit{Interval: 2 * time.Second, Burst: 30}        // of a subnet: answers that were no asset
	passAssets      = counters.Limit{Interval: 100 * time.Millisecond, Burst: 2000}
)

// takeAsset reports whether an asset needs no pass: none does while the shop is not
// attacked, and afterwards those within the budgets of the visitor's subnet.
func (h *Handler) takeAsset(v *shop.Visit) bool {
	if v.Level < shop.Attack || v.Level < h.From {
		return true
	}
	return h.store.Peek(h.limitKey(v.Subnet, "misses"), &strangersMisses, v.Start).Allowed() &&
		h.store.Take(h.limitKey(v.Subnet, "assets"), &strangersAssets, v.Start).Allowed()
}

// serveAsset passes the request on, and charges the subnet for an answer that costs the
// shop more than a file: the page of an error.
func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request, v *shop.Visit, next caddyhttp.Handler) error {
	err := next.ServeHTTP(w, r)
	if v.Level >= shop.Attack && v.Status >= http.StatusBadRequest && v.Outcome.Stage == "" {
		h.store.Take(h.limitKey(v.Subnet, "misses"), &strangersMisses, v.Start)
	}
	return err
}
