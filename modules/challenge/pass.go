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

// The cookies. With the prefix __Host- no other site and no subdomain can set
// them; browsers take it over TLS only.
const (
	passCookie  = "theriac"
	stampCookie = "theriac-seen"
	hostPrefix  = "__Host-"
)

// secure reports whether the visitor's connection is encrypted, up to here or
// up to a proxy that Caddy trusts.
func secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted && r.Header.Get("X-Forwarded-Proto") == "https"
}

// cookie finds one of ours. It reads the header as it is: the library's way
// makes a list of all cookies for each request.
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

// setCookie gives the visitor one of ours. A return from a bank's page is a
// POST from another site, which takes along only cookies that are SameSite=None;
// that is safe here, since a pass says nothing about who somebody is. Browsers
// take None over TLS only; without, their default is the widest there is.
func setCookie(w http.ResponseWriter, r *http.Request, name, value string, lasts time.Duration) {
	c := http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(lasts / time.Second), HttpOnly: true}
	if secure(r) {
		c.Name, c.Secure, c.SameSite = hostPrefix+name, true, http.SameSiteNoneMode
	}
	w.Header().Add("Set-Cookie", c.String())
}

// passOf is the visitor's pass, if it is one for this shop, this browser and
// no lower a level than the one before the shop's.
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

// binding ties tokens to this shop and the visitor's browser.
func (h *Handler) binding(r *http.Request) uint64 {
	return h.keys.Binding(string(h.Shop), r.Header.Get("User-Agent"))
}

// netOf is the visitor's neighbourhood as a pass remembers it.
func netOf(v *shop.Visit) uint64 { return binary.LittleEndian.Uint64(v.Subnet[:8]) }

// spend takes one request from the budget of a pass. Orders have a budget of
// their own, so that browsing does not use it up.
func (h *Handler) spend(pass *pow.Pass, v *shop.Visit) bool {
	price := &prices[v.Level]
	budget, limit := uint64(home), &price.home
	switch {
	case pass.Kind == pow.Waited:
		limit = &waited
	case pass.Net != netOf(v) && sameDay(pass.Issued, v.Start):
		budget, limit = away, &price.away
		h.series.away.Inc()
	}
	if v.Class == shop.Cart || v.Class == shop.Checkout || v.Class == shop.Account {
		budget |= orders
	}
	if !h.store.Take(bucket(pass.ID, budget), limit, v.Start).Allowed() {
		h.series.usedUp.Inc()
		return false
	}
	if v.Start.Sub(pass.Issued) < comesBack && returning.isNew(pass.ID) {
		h.series.returned.Inc()
	}
	return true
}

// comesBack is how soon after it was given a pass is used, by whoever got it
// to go on with the request that was challenged.
const comesBack = 10 * time.Second

// sameDay reports whether neighbourhoods have the same hashes at both times;
// at midnight UTC all of them change, and nobody's address has.
func sameDay(a, b time.Time) bool { return a.Unix()/86400 == b.Unix()/86400 }

// The budgets of one pass.
const (
	home   = 0      // where it was earned
	away   = 1      // everywhere else
	orders = 1 << 1 // the same again, for ordering
	memory = 1 << 2 // of a time stamp
	voice  = 1 << 3 // of vouching for neighbourhoods
)

// bucket is the key of a budget. An ID is random and comes with a MAC, so
// nobody can choose keys that meet.
func bucket(id [8]byte, budget uint64) (key netkey.Key) {
	n := binary.LittleEndian.Uint64(id[:])
	binary.LittleEndian.PutUint64(key[:8], n)
	binary.LittleEndian.PutUint64(key[8:], bits.RotateLeft64(n, 32)^budget)
	return key
}

// ofNet is the key of what a neighbourhood may do at this shop.
func (h *Handler) ofNet(net netkey.Key, rule string) netkey.Key {
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

// may takes one of what the visitor's neighbourhood may do.
func (h *Handler) may(v *shop.Visit, rule string, lim *counters.Limit) counters.Decision {
	return h.store.Take(h.ofNet(v.Subnet, rule), lim, v.Start)
}
