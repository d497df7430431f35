package challenge

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// Budgets of assets while the shop is attacked. They bound what visitors without a pass
// can ask for by paths from which the shop has served assets before.
var (
	strangersAssets = around("assets", 50*time.Millisecond, 200)
	strangersMisses = around("misses", 2*time.Second, 30)                                       // answers that were no asset
	allStrangers    = counters.Limit{Interval: 5 * time.Millisecond, Burst: 1000, Spread: true} // of all subnets together
	passAssets      = counters.Limit{Interval: 100 * time.Millisecond, Burst: 2000}
)

// assetsAtOnce is how many assets visitors without a pass may wait for at the same time, at
// one edge.
const assetsAtOnce = 64

// slowAnswer is longer than a shop takes to send a file.
const slowAnswer = 100 * time.Millisecond

// awaited counts the assets that visitors without a pass wait for, by subnet. Each may turn
// out to be none, so a subnet waits for no more than it has misses left.
type awaited struct {
	mu  sync.Mutex
	all int64
	of  map[netkey.Key]int64
}

func (a *awaited) enter(subnet netkey.Key, most int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all >= assetsAtOnce || a.of[subnet] >= most {
		return false
	}
	if a.of == nil {
		a.of = make(map[netkey.Key]int64)
	}
	a.all++
	a.of[subnet]++
	return true
}

func (a *awaited) leave(subnet netkey.Key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all--
	if a.of[subnet]--; a.of[subnet] == 0 {
		delete(a.of, subnet)
	}
}

// takeAsset reports whether an asset of a visitor without a pass is within the budgets of
// its subnet, and of all such visitors. Then serveAsset follows.
func (h *Handler) takeAsset(v *shop.Visit) bool {
	misses := h.peekAround(v, strangersMisses)
	if !misses.Allowed() || !h.awaited.enter(v.Subnet, misses.Remaining+1) {
		return false
	}
	if h.takeAround(v, strangersAssets).Allowed() &&
		h.store.Take(h.limitKey(netkey.Key{}, "all assets"), &allStrangers, v.Start).Allowed() {
		return true
	}
	h.awaited.leave(v.Subnet)
	return false
}

// serveAsset passes the request on, and charges the subnet for an answer that costs the
// shop more than a file. An answer that says "not modified" does not tell what it cost, so
// the request loses its conditions.
func (h *Handler) serveAsset(w http.ResponseWriter, r *http.Request, v *shop.Visit, next caddyhttp.Handler) error {
	defer h.awaited.leave(v.Subnet)
	delete(r.Header, "If-None-Match")
	delete(r.Header, "If-Modified-Since")
	err := next.ServeHTTP(w, r)
	if v.Outcome.Stage == "" && (err != nil || isPage(v.Status, w.Header()) || chain.BackendLatency(r) > slowAnswer) {
		h.takeAround(v, strangersMisses)
	}
	return err
}

// isPage reports whether the shop has answered with a page, as many do where there is no such
// file, or with an error. A redirect is no page: servers send it with a text in HTML, and it
// costs them nothing.
func isPage(status int, header http.Header) bool {
	return status >= http.StatusBadRequest ||
		status < http.StatusMultipleChoices && strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "text/html")
}
