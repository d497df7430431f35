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

// What one client may do wrong before it is banned, by the same arithmetic as
// any penalty. The page of ours sends no junk at all, and waits as long as it is
// told: a browser that comes near these is driven by something else.
var (
	// Answers that cannot be right: malformed, forged, or no solution.
	junk = counters.Limit{Interval: 30 * time.Second, Burst: 10, Patience: 10, Penalty: time.Minute}

	// Answers in spite of being told to wait for the neighbourhood's cap.
	hurry = counters.Limit{Interval: time.Second, Burst: 30, Patience: 100, Penalty: time.Minute}
)

// isJunk reports whether an answer was none. One that is late, early or sent
// twice can be a customer's who went back a page.
func isJunk(why error) bool {
	return !errors.Is(why, pow.ErrExpired) && !errors.Is(why, pow.ErrEarly) && !errors.Is(why, errReplayed)
}

// strike counts a refused answer of a client, and has it banned that goes on.
func (h *Handler) strike(r *http.Request, v *shop.Visit, rule string, lim *counters.Limit) {
	if d := h.store.Take(h.ofNet(v.Client, rule), lim, v.Start); d.Began && !h.Shadow {
		h.app.Ban(r, v, ban.ByChallenge, rule, d.Wait)
	}
}

// forget clears the strikes of a client.
func (h *Handler) forget(c shield.Client) {
	h.store.Forget(h.ofNet(c.Client, "junk"))
	h.store.Forget(h.ofNet(c.Client, "subnet_limit"))
}
