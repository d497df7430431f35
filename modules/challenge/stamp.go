package challenge

import (
	"encoding/binary"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

// minStampAge is how old a time stamp must be to protect a subnet from bans. Every visitor
// gets one with the first page, so a new one proves no more than the first request of a
// flood does. To prevent bans with older ones an attacker needs patience, and a stamp for
// every few subnets. Suspicious clients, which are near a limit, protect a subnet by work
// alone: a stamp costs nothing.
const minStampAge = 10 * time.Minute

// stamp sets a time stamp while the shop is not attacked: a signed cookie that proves
// nothing but that the visitor was here then. Only page views get one; older browsers, and
// all without TLS, show those by Accept instead of Sec-Fetch-Mode.
func (h *Handler) stamp(w http.ResponseWriter, r *http.Request, v *shop.Visit) {
	if r.Method != http.MethodGet || shield.WantsOf(r, v.Class) != shield.HTML || v.Trust == shop.Suspicious {
		return
	}
	if stamp, ok := h.stampOf(r, v); ok {
		h.protectSubnet(r, v, &stamp)
		return
	}
	if !h.take(v, stamps).Allowed() {
		return
	}
	h.series.stamped.Inc()
	text := h.keys.AppendStamp(nil, string(h.Shop), v.Start)
	h.setCookie(w, r, stampCookie, string(text), pow.StampLife)
}

// stampOf returns the visitor's time stamp, if it is valid for this shop.
func (h *Handler) stampOf(r *http.Request, v *shop.Visit) (stamp pow.Stamp, ok bool) {
	for n := range maxSame {
		text, ok := h.cookie(r, stampCookie, n)
		if !ok {
			break
		}
		if stamp, err := h.keys.OpenStamp(text, string(h.Shop), v.Start); err == nil {
			return stamp, true
		}
	}
	return pow.Stamp{}, false
}

// remembers reports whether the visitor was here before the attack began, and has made no
// more requests since than a customer does. A flood with a stamp that it collected before
// gets no further than with a pass.
func (h *Handler) remembers(r *http.Request, v *shop.Visit) bool {
	stamp, ok := h.stampOf(r, v)
	if !ok || !stamp.Issued.Before(v.Since) {
		return false
	}
	if !h.store.Take(bucketKey(idOf(&stamp), memory), &remembered, v.Start).Allowed() {
		h.series.usedUp.Inc()
		return false
	}
	h.protectSubnet(r, v, &stamp)
	h.series.known.Inc()
	return true
}

// protectSubnet protects the visitor's subnet from bans, if the time stamp is old enough.
func (h *Handler) protectSubnet(r *http.Request, v *shop.Visit, stamp *pow.Stamp) {
	if v.Start.Sub(stamp.Issued) >= minStampAge {
		h.app.ProtectSubnet(r, v, bucketKey(idOf(stamp), protect))
	}
}

// idOf returns an ID for the budget of a time stamp.
func idOf(stamp *pow.Stamp) (id [8]byte) {
	copy(id[:], stamp.ID[:])
	binary.LittleEndian.PutUint16(id[6:], uint16(stamp.Issued.Unix()))
	return id
}

// isPrefetch reports whether the browser loads the page speculatively.
func isPrefetch(r *http.Request) bool {
	return r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") == "prefetch"
}
