package visit

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// oneIn is how many refusals one connection to a server without a gate lasts, on the
// average: there the next one would cost more than they do.
const oneIn = 32

// refuseBanned answers a banned client with a bare 429, before any stage counts
// or computes anything for it. It also ends the connection where that is the
// client's own: behind a trusted proxy other clients use it too. A gate then refuses
// the next one.
func (h *Handler) refuseBanned(w http.ResponseWriter, r *http.Request, v *shop.Visit) bool {
	ban, own, banned := h.app.Banned(r, v)
	if !banned {
		return false
	}
	v.Outcome = shop.Outcome{Stage: "ban", Rule: ban.Cause.String()}
	header := w.Header()
	header["Retry-After"] = []string{strconv.FormatInt(wholeSeconds(ban.Until.Sub(v.Start)), 10)}
	if own && r.ProtoMajor < 3 && (h.app.IsGated(r) || rand.N(oneIn) == 0) {
		header["Connection"] = closing
	}
	w.WriteHeader(http.StatusTooManyRequests)
	return true
}

// wholeSeconds rounds up, since a client that returns too early is refused again.
func wholeSeconds(wait time.Duration) int64 {
	return int64((max(0, wait) + time.Second - 1) / time.Second)
}
