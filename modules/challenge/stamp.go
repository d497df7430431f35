package challenge

import (
	"encoding/binary"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

// settled is how old a time stamp must be to vouch for a neighbourhood. One is
// given to whoever opens a page, so a fresh one shows only that somebody did
// just that, as the first request of a flood does; to keep bans away with older
// ones takes patience and one for each few networks. Suspicious clients, whose
// limits are nearly used up, vouch by work alone: a stamp costs nothing.
const settled = 10 * time.Minute

// stamp gives people who come in quiet times a time stamp: signed, and without
// any meaning but that somebody was here then. Older browsers, and all without
// TLS, do not say that they open a page; their word is Accept.
func (h *Handler) stamp(w http.ResponseWriter, r *http.Request, v *shop.Visit) {
	if r.Method != http.MethodGet || shield.WantsOf(r, v.Class) != shield.HTML || v.Trust == shop.Suspicious {
		return
	}
	if text, ok := cookie(r, stampCookie); ok {
		if stamp, err := h.keys.OpenStamp(text, string(h.Shop), v.Start); err == nil {
			h.vouch(r, v, &stamp)
			return
		}
	}
	if !h.may(v, "stamps", &stamps).Allowed() {
		return
	}
	h.series.stamped.Inc()
	text := h.keys.AppendStamp(nil, string(h.Shop), v.Start)
	setCookie(w, r, stampCookie, string(text), pow.StampLife)
}

// remembers reports whether the visitor was here before the attack began, and
// has not made more requests since than a customer does. A flood with a stamp
// that it collected beforehand gets no further than one with a pass.
func (h *Handler) remembers(r *http.Request, v *shop.Visit) bool {
	text, ok := cookie(r, stampCookie)
	if !ok {
		return false
	}
	stamp, err := h.keys.OpenStamp(text, string(h.Shop), v.Start)
	if err != nil || !stamp.Issued.Before(v.Since) {
		return false
	}
	if !h.store.Take(bucket(idOf(&stamp), memory), &remembered, v.Start).Allowed() {
		h.series.usedUp.Inc()
		return false
	}
	h.vouch(r, v, &stamp)
	h.series.known.Inc()
	return true
}

// vouch keeps the visitor's neighbourhood from being banned, if the time stamp
// is old enough.
func (h *Handler) vouch(r *http.Request, v *shop.Visit, stamp *pow.Stamp) {
	if v.Start.Sub(stamp.Issued) >= settled {
		h.app.Vouch(r, v, bucket(idOf(stamp), voice))
	}
}

// idOf tells time stamps apart.
func idOf(stamp *pow.Stamp) (id [8]byte) {
	copy(id[:], stamp.ID[:])
	binary.LittleEndian.PutUint16(id[6:], uint16(stamp.Issued.Unix()))
	return id
}

// isPrefetch reports whether the browser only guesses that its user will want
// the page.
func isPrefetch(r *http.Request) bool {
	return r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") == "prefetch"
}
