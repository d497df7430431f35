package challenge

import (
	"encoding/binary"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield/wants"
	"github.com/theriac-edge/theriac/shop"
)

// minStampAge is how old a time stamp must be to protect a subnet from bans, and how long
// before an attack it must have been issued to vouch for a visitor. Every visitor gets one
// with the first page, so a new one proves no more than the first request of a flood does. To
// prevent bans with older ones an attacker needs patience, and a stamp for every few subnets.
// Suspicious clients, which are near a limit, protect a subnet by work alone: a stamp costs
// nothing.
const minStampAge = 10 * time.Minute

// How many time stamps vouch for visitors of one subnet and site at the level Attack. Those
// that somebody has gathered elsewhere serve few addresses; a carrier's customers were there
// on the same day. Each is counted once in ten minutes.
var (
	stampsAtHome = around("stamps_home", 5*time.Second, 60)
	stampsAway   = around("stamps_away", 30*time.Second, 10)
)

// stamp sets a time stamp while the shop is not attacked: a signed cookie that proves
// nothing but that the visitor was here then, and in which subnet on the last day. It is
// renewed each day, since hashes of subnets change at midnight, and with the secret. Only page views get one; older
// browsers, and all without TLS, show those by Accept instead of Sec-Fetch-Mode.
func (h *Handler) stamp(w http.ResponseWriter, r *http.Request, v *shop.Visit, t *tokens) {
	if r.Method != http.MethodGet || wants.Of(r, v.Class) != wants.HTML || v.Trust == shop.Suspicious {
		return
	}
	now := h.now(v)
	today := pow.DayOf(now)
	stamp, ok := h.stampOf(r, v, t)
	if ok {
		h.protectSubnet(r, v, &stamp)
	}
	if ok && stamp.Day == today && stamp.Secret == 0 || !h.take(v, stamps).Allowed() {
		return
	}
	h.series.stamped.Inc()
	if !ok {
		stamp = pow.Stamp{Issued: now, Binding: h.binding(r)}
	}
	stamp.Day, stamp.Net = today, subnetOf(v)
	text := h.keys().AppendStamp(nil, &stamp, now)
	h.setCookie(w, r, stampCookie, string(text), pow.StampLife-now.Sub(stamp.Issued))
}

// remembers reports whether the visitor was here before the attack began, and has made no
// more requests since than a customer does. A flood with stamps that it collected before gets
// no further than with passes, and from elsewhere less far.
func (h *Handler) remembers(r *http.Request, v *shop.Visit, t *tokens) bool {
	stamp, ok := h.stampOf(r, v, t)
	if !ok || !isFromBefore(&stamp, v) {
		return false
	}
	budget, limit, around := uint64(memory), &remembered, stampsAtHome
	if stamp.Secret != 0 || stamp.Day != pow.DayOf(h.now(v)) || stamp.Net != subnetOf(v) {
		budget, limit, around = memory|away, &rememberedAway, stampsAway
	}
	if v.Class == shop.Asset {
		budget, limit = budget|pictures, &passAssets
	}
	id := idOf(&stamp)
	if !h.enters(id, v, func() bool { return h.takeAround(v, around).Allowed() }) {
		h.series.stampCapped.Inc()
		return false
	}
	if !h.store.Take(bucketKey(id, budget), limit, v.Start).Allowed() {
		h.series.usedUp.Inc()
		return false
	}
	h.protectSubnet(r, v, &stamp)
	h.series.known.Inc()
	return true
}

// isFromBefore reports whether a time stamp was issued well before the attack began.
func isFromBefore(stamp *pow.Stamp, v *shop.Visit) bool {
	return v.Since.Sub(stamp.Issued) >= minStampAge
}

// protectSubnet protects the visitor's subnet from bans, if the time stamp is old enough.
func (h *Handler) protectSubnet(r *http.Request, v *shop.Visit, stamp *pow.Stamp) {
	if h.now(v).Sub(stamp.Issued) >= minStampAge {
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
