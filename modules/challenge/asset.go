package challenge

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// Budgets of assets while the shop is attacked. They bound what visitors without a pass
// can ask for by paths from which the shop has served assets before.
var (
	strangersAssets = around("assets", 50*time.Millisecond, 200)
	strangersMisses = around("misses", 2*time.Second, 30) // answers that were no asset
	passAssets      = counters.Limit{Interval: 100 * time.Millisecond, Burst: 2000}
)

// takeAsset reports whether an asset needs no pass: none does while the shop is not
// attacked, and afterwards those within the budgets of the visitor's subnet.
func (h *Handler) takeAsset(v *shop.Visit) bool {
	if v.Level < shop.Attack || v.Level < h.From {
		return true
	}
	return h.peekAround(v, strangersMisses).Allowed() && h.takeAround(v, strangersAssets).Allowed()
}

// serveAsset passes the request on, and charges the subnet for an answer that costs the
// shop more than a file: the page of an error, whatever its status.
func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request, v *shop.Visit, next caddyhttp.Handler) error {
	err := next.ServeHTTP(w, r)
	if v.Level >= shop.Attack && v.Outcome.Stage == "" && (v.Status >= http.StatusBadRequest || isPage(w, v.Status)) {
		h.takeAround(v, strangersMisses)
	}
	return err
}

// isPage reports whether the shop has answered with a page, as many do where there is no such
// file. A redirect is no page: servers send it with a text in HTML, and it costs them nothing.
func isPage(w http.ResponseWriter, status int) bool {
	return status == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "text/html")
}
