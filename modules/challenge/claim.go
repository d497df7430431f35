package challenge

import (
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// claim is what passes unchallenged of a class whose senders cannot solve a challenge.
// Whoever knows an address can claim that class, so the budget is what honest senders
// need, and a flood's share of it is bounded.
type claim struct {
	rule   string
	around *network
	few    *network       // so many of one subnet pass, whatever others send
	shared counters.Limit // of all subnets together that send more than that
	capped func(*series) *metric.Counter
}

// A provider notifies a shop of each order two or three times, from one or two subnets;
// after an outage it sends again what was refused. A page of another origin sends a
// preflight for each kind of call, and many customers share a subnet.
var (
	notifications = claim{
		rule:   "notifications",
		around: around("notifications", 500*time.Millisecond, 60),
		few:    around("few notifications", 2*time.Second, 24),
		shared: counters.Limit{Interval: 50 * time.Millisecond, Burst: 120, Spread: true},
		capped: func(s *series) *metric.Counter { return s.notificationCapped },
	}
	public = claim{
		rule:   "public",
		around: around("public", 100*time.Millisecond, 100),
		few:    around("few public", 10*time.Second, 24),
		shared: counters.Limit{Interval: 50 * time.Millisecond, Burst: 120, Spread: true},
		capped: func(s *series) *metric.Counter { return s.publicCapped },
	}
)

// claimOf returns the budget of a class, or nil if its requests are challenged.
func claimOf(class shop.Class) *claim {
	switch class {
	case shop.Callback:
		return &notifications
	case shop.Public:
		return &public
	}
	return nil
}

// serveClaim passes a claim on within its budget. Beyond it a client needs a pass like
// anybody else; without one a machine is told when to try again.
func (h *Handler) serveClaim(c *claim, w http.ResponseWriter, r *http.Request, v *shop.Visit, t *tokens, next caddyhttp.Handler) error {
	if v.Level < h.From {
		h.takeAround(v, c.around) // a flood that goes on when the level rises has spent its own
		h.takeAround(v, c.few)
		return next.ServeHTTP(w, r)
	}
	d := h.takeClaim(c, r, v)
	if d.Allowed() {
		return next.ServeHTTP(w, r)
	}
	pass, ok := h.passOf(r, v, t)
	if ok && h.spend(&pass, v) {
		v.Trust = shop.Passed
		return next.ServeHTTP(w, r)
	}
	if h.Shadow {
		h.series.shadow.Inc()
		return next.ServeHTTP(w, r)
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		return h.challenge(w, r, v, raisedPrice(pass, ok))
	}
	c.capped(h.series).Inc()
	wait := int64((d.Wait + time.Second - 1) / time.Second)
	w.Header()["Retry-After"] = []string{strconv.FormatInt(wait, 10)}
	return chain.Refuse(v, http.StatusTooManyRequests, shop.Outcome{Stage: "challenge", Rule: c.rule}, d.Wait)
}

// takeClaim takes from the budget of the visitor's subnet and site, and beyond its first few
// from what all busy subnets share. So a flood cannot use up what a quiet subnet may send, and
// subnets that stay just below their budgets share one.
func (h *Handler) takeClaim(c *claim, r *http.Request, v *shop.Visit) counters.Decision {
	if isLong(r) {
		return counters.Decision{Wait: time.Second}
	}
	d := h.takeAround(v, c.around)
	if !d.Allowed() || h.takeAround(v, c.few).Allowed() {
		return d
	}
	return h.store.Take(h.limitKey(netkey.Key{}, c.rule), &c.shared, v.Start)
}

// longest is more than the address and header of a request have that no customer sends, in
// bytes.
const longest = 4 << 10

// isLong reports whether a request has more for the firewall to read than what passes without
// a pass ever has. Its body counts elsewhere.
func isLong(r *http.Request) bool {
	n := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n > longest
}
