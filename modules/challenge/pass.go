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
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// The cookies. With the prefix __Host- neither other sites nor subdomains can set them;
// browsers accept it over TLS only.
const (
	passCookie  = "theriac"
	stampCookie = "theriac-seen"
	hostPrefix  = "__Host-"
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

// cookie finds one of ours. It scans the header: net/http would allocate a list of all
// cookies for each request.
func cookie(r *http.Request, name string) (value string, ok bool) {
	prefix := ""
	if secure(r) {
		prefix = hostPrefix
	}
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = strings.TrimLeft(pair, " ")
			if len(pair) <= len(prefix) || pair[:len(prefix)] != prefix {
				continue
			}
			if value, ok := strings.CutPrefix(pair[len(prefix):], name); ok && strings.HasPrefix(value, "=") {
				return value[1:], true
			}
		}
	}
	return "", false
}

// setCookie sets one of ours. A return from a bank's page is a cross-site POST, with which
// browsers send only cookies that are SameSite=None; that is safe here, since a pass does
// not authenticate anyone. Browsers accept None over TLS only; without TLS their default
// is the widest that there is.
func setCookie(w http.ResponseWriter, r *http.Request, name, value string, lasts time.Duration) {
	c := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(lasts / time.Second), HttpOnly: true}
	if secure(r) {
		c.Name, c.Secure, c.SameSite = hostPrefix+name, true, http.SameSiteNoneMode
	}
	w.Header().Add("Set-Cookie", c.String())
}

// passOf returns the visitor's pass, if it is valid for this shop and browser, and was
// earned at most one level below the shop's.
func (h *Handler) passOf(r *http.Request, v *shop.Visit) (pass pow.Pass, ok bool) {
	text, ok := cookie(r, passCookie)
	if !ok {
		return pass, false
	}
	pass, err := h.keys.OpenPass(text, v.Start)
	if err != nil || pass.Binding != h.binding(r) || pass.Level+1 < uint8(v.Level) {
		return pass, false
	}
	return pass, true
}

// binding is what ties tokens to this shop and the visitor's browser.
func (h *Handler) binding(r *http.Request) uint64 {
	return h.keys.Binding(string(h.Shop), r.Header.Get("User-Agent"))
}

// subnetOf is the visitor's subnet as a pass records it.
func subnetOf(v *shop.Visit) uint64 { return binary.LittleEndian.Uint64(v.Subnet[:8]) }

// spend takes one request from the budget of a pass. Orders have a budget of their own,
// which browsing does not use up.
func (h *Handler) spend(pass *pow.Pass, v *shop.Visit) bool {
	price := &prices[v.Level]
	budget, limit := uint64(home), &price.home
	switch {
	case pass.Kind == pow.Waited:
		limit = &waited
	case pass.Net != subnetOf(v) && sameDay(pass.Issued, v.Start):
		budget, limit = away, &price.away
		h.series.away.Inc()
	}
	if v.Class == shop.Cart || v.Class == shop.Checkout || v.Class == shop.Account {
		budget |= orders
	}
	if !h.store.Take(bucketKey(pass.ID, budget), limit, v.Start).Allowed() {
		h.series.usedUp.Inc()
		return false
	}
	if v.Start.Sub(pass.Issued) < comesBack && seenPasses.add(pass.ID) {
		h.series.returned.Inc()
	}
	return true
}

// comesBack is how soon a browser uses a new pass to repeat the challenged request.
const comesBack = 10 * time.Second

// sameDay reports whether subnets have the same hashes at both times: at midnight UTC all
// hashes change.
func sameDay(a, b time.Time) bool { return a.Unix()/86400 == b.Unix()/86400 }

// The budgets of one pass.
const (
	home    = 0      // in the subnet where it was earned
	away    = 1      // everywhere else
	orders  = 1 << 1 // the same again, for ordering
	memory  = 1 << 2 // of a time stamp
	protect = 1 << 3 // of protecting subnets from bans
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
	n := binary.LittleEndian.Uint64(net[8:])
	for _, c := range []byte(h.Shop) {
		n = n*31 + uint64(c)
	}
	for _, c := range []byte(rule) {
		n = n*31 + uint64(c)
	}
	binary.LittleEndian.PutUint64(net[8:], n)
	return net
}

// take takes a token from a limit of the visitor's subnet.
func (h *Handler) take(v *shop.Visit, rule string, lim *counters.Limit) counters.Decision {
	return h.store.Take(h.limitKey(v.Subnet, rule), lim, v.Start)
}
