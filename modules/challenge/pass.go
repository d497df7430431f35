package challenge

import (
	"encoding/binary"
	"math/bits"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/clock"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// The cookies, which have a prefix over TLS; see cookiePrefix.
const (
	passCookie  = "theriac"
	stampCookie = "theriac-seen"
)

// secure reports whether the visitor's connection is encrypted, to this edge or to a proxy
// that Caddy trusts.
func secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted && r.Header.Get("X-Forwarded-Proto") == "https"
}

// maxSame is how many cookies of one name are looked at. There are several if one was set
// for another path or domain, and browsers send the older one first.
const maxSame = 4

// cookie finds the nth of ours with this name. It scans the header: net/http would allocate
// a list of all cookies for each request. Some programs write quotes or spaces around a
// value, which RFC 6265 asks to drop.
func (h *Handler) cookie(r *http.Request, name string, nth int) (value string, ok bool) {
	prefix := h.cookiePrefix(r)
	for _, line := range r.Header["Cookie"] {
		for from := 0; ; {
			at := strings.Index(line[from:], name) // most cookies are the shop's
			if at < 0 {
				break
			}
			at += from
			from = at + len(name)
			before, isOurs := strings.CutSuffix(line[:at], prefix)
			if !isOurs || !strings.HasPrefix(line[from:], "=") || !isPairEnd(before) {
				continue
			}
			if nth == 0 {
				value, _, _ = strings.Cut(line[from+1:], ";")
				return unquote(strings.Trim(value, " \t")), true
			}
			nth--
		}
	}
	return "", false
}

// isPairEnd reports whether a cookie can begin after this part of a header.
func isPairEnd(before string) bool {
	before = strings.TrimRight(before, " \t")
	return before == "" || before[len(before)-1] == ';'
}

func unquote(value string) string {
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// setCookie sets one of ours. A return from a bank's page is a cross-site POST, with which
// browsers send only cookies that are SameSite=None; that is safe here, since a pass does
// not authenticate anyone. Browsers accept None over TLS only; without TLS their default
// is the widest that there is.
func (h *Handler) setCookie(w http.ResponseWriter, r *http.Request, name, value string, lasts time.Duration) {
	c := http.Cookie{
		Name: h.cookiePrefix(r) + name, Value: value, Path: "/", Domain: h.domainOf(r),
		MaxAge: int(lasts / time.Second), HttpOnly: true,
	}
	if secure(r) {
		c.Secure, c.SameSite, c.Partitioned = true, http.SameSiteNoneMode, isPartitioned(r)
	}
	w.Header().Add("Set-Cookie", c.String())
}

// isPartitioned reports whether the request comes from where a browser keeps a cookie only
// apart from those of the shop's own pages: a frame with another site's page somewhere above
// it, as where a payment service's frame in the shop's page has one of the shop in it.
// Browsers that say so refuse all other cookies there, so no page of the shop loses a pass.
func isPartitioned(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Storage-Access") {
	case "none", "inactive":
		return true
	}
	return false
}

// now is the time of day by which tokens are issued and judged: all edges agree on it.
func (h *Handler) now(v *shop.Visit) time.Time { return clock.Agreed(h.store, v.Start) }

// passOf returns the visitor's pass, if it is valid for this shop and browser, at this level,
// and in this subnet.
func (h *Handler) passOf(r *http.Request, v *shop.Visit, t *tokens) (pass pow.Pass, ok bool) {
	for held := h.firstPass(r, v, t); held.ok; held = h.openPass(r, v, t, held.next) {
		if isWorth(&held.Pass, v, h.now(v)) && h.reaches(&held.Pass, v) {
			return held.Pass, true
		}
	}
	return pow.Pass{}, false
}

// isWorth reports whether a pass is good at the shop's level: if it was earned there, or one
// level below, for as long as a pass of the shop's level lasts. Passes that were bought in
// quiet times are for customers that the attack finds in the shop.
func isWorth(pass *pow.Pass, v *shop.Visit, now time.Time) bool {
	level := uint8(v.Level)
	return pass.Level >= level || pass.Level+1 == level && now.Sub(pass.Issued) < prices[level].lasts
}

// subnetOf is the visitor's subnet as a pass records it.
func subnetOf(v *shop.Visit) uint64 { return binary.LittleEndian.Uint64(v.Subnet[:8]) }

// spend takes one request from the budget of a pass.
func (h *Handler) spend(pass *pow.Pass, v *shop.Visit) bool {
	budget, limit := budgetOf(pass, v, h.now(v))
	if budget&away != 0 {
		h.series.away.Inc()
	}
	d := h.store.Take(bucketKey(pass.ID, budget), limit, v.Start)
	if !d.Allowed() {
		h.series.usedUp.Inc()
		return false
	}
	if d.Remaining == limit.Burst-1 && h.now(v).Sub(pass.Issued) < comesBack && seenPasses.add(pass.ID) {
		h.series.returned.Inc()
	}
	return true
}

// hasLeft reports whether spend would take a request.
func (h *Handler) hasLeft(pass *pow.Pass, v *shop.Visit) bool {
	budget, limit := budgetOf(pass, v, h.now(v))
	return h.store.Peek(bucketKey(pass.ID, budget), limit, v.Start).Allowed()
}

// budgetOf returns which budget of a pass a request uses, and its limit. Orders have a budget
// of their own, which browsing does not use up.
func budgetOf(pass *pow.Pass, v *shop.Visit, now time.Time) (budget uint64, limit *counters.Limit) {
	price := &prices[v.Level]
	of := &price.home
	switch {
	case pass.Kind == pow.Waited:
		of = &waited
	case pass.Net != subnetOf(v) && sameHashes(pass, now):
		budget, of = away, &price.away
	}
	limit = &of.whole
	if pass.Level < uint8(v.Level) {
		limit = &of.half
	}
	switch v.Class {
	case shop.Cart, shop.Checkout, shop.Account:
		budget |= orders
	case shop.Asset:
		budget |= pictures
		limit = &passAssets
	}
	return budget, limit
}

// comesBack is how soon a browser uses a new pass to repeat the challenged request.
const comesBack = 10 * time.Second

// sameHashes reports whether the subnet of a pass was hashed as the visitor's is: at midnight
// UTC all hashes change, and with the secret.
func sameHashes(pass *pow.Pass, now time.Time) bool {
	return pass.Secret == 0 && pass.Issued.Unix()/86400 == now.Unix()/86400
}

// The budgets of one pass; 0 is for pages in the subnet where it was earned.
const (
	away    = 1      // not in the subnet where it was earned
	orders  = 1 << 1 // the same again, for ordering
	memory  = 1 << 2 // of a time stamp
	protect = 1 << 3 // of protecting subnets from bans

	pictures = 1 << 4 // and all else that is an asset

	moved          = 1 << 5 // into other subnets
	movedOvernight = 1 << 6
	staying        = 1 << 7 // in one of them
)

// bucketKey returns the key of a budget. An ID is random and authenticated, so that no
// client can choose colliding keys.
func bucketKey(id [8]byte, budget uint64) (key netkey.Key) {
	n := binary.LittleEndian.Uint64(id[:])
	binary.LittleEndian.PutUint64(key[:8], n)
	binary.LittleEndian.PutUint64(key[8:], bits.RotateLeft64(n, 32)^budget)
	return key
}

// limitKey returns the key of a limit of this stage for a client or subnet at this shop.
func (h *Handler) limitKey(net netkey.Key, rule string) netkey.Key {
	return net.Of(string(h.Shop), rule)
}
