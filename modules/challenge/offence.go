package challenge

import (
	"errors"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// How many offences a client may commit before it is banned, counted as in any penalty.
// Our page sends no junk and waits as long as it is told: a browser near these limits is
// automated.
var (
	// Answers that cannot be right: malformed, forged or not a solution.
	junk = counters.Limit{Interval: 30 * time.Second, Burst: 10, Patience: 10, Penalty: time.Minute}

	// Answers before the Retry-After of the subnet's limit.
	retryTooSoon = counters.Limit{Interval: time.Second, Burst: 30, Patience: 100, Penalty: time.Minute}
)

// isJunk reports whether an answer cannot be a customer's. A late, early or repeated one
// can: after going back a page.
func isJunk(why error) bool {
	return !errors.Is(why, pow.ErrExpired) && !errors.Is(why, pow.ErrEarly) && !errors.Is(why, errReplayed)
}

// recordOffence counts a refused answer, and requests a ban if the client goes on.
func (h *Handler) recordOffence(r *http.Request, v *shop.Visit, rule string, lim *counters.Limit) {
	if d := h.store.Take(h.limitKey(v.Client, rule), lim, v.Start); d.Began && !h.Shadow {
		h.app.Ban(r, v, ban.ByChallenge, rule, d.Wait)
	}
}

// forget clears the offences of a client.
func (h *Handler) forget(c shield.Client) {
	h.store.Forget(h.limitKey(c.Client, "junk"))
	h.store.Forget(h.limitKey(c.Client, "subnet_limit"))
	h.forgetStranger(c)
}
