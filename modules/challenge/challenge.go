// Package challenge requires proof of work from visitors of a shop under attack. A
// browser solves a puzzle once and gets a pass: a cookie for as many requests as a
// customer makes and a flood exceeds.
//
// It runs after the limits of single clients and before those of the whole shop.
// Partners are never challenged. Assets, notifications and what has no cookies pass within
// budgets of their own. If Redis is lost, passes stay
// valid, new ones are shorter, and each edge accepts a solution once.
package challenge

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler challenges visitors by the shop's level: at 0 none, at 1 suspicious clients, at
// 2 unknown visitors, at 3 and 4 all but partners. A visitor that solves the challenge
// gets a pass, a cookie with a budget of requests, and the challenged request is
// repeated.
type Handler struct {
	// The shop.
	Shop shop.ID `json:"shop"`

	// Never challenge, at any level.
	Off bool `json:"off,omitempty"`

	// The lowest level with challenges. Default: 1.
	From shop.Level `json:"from,omitempty"`

	// Only count the requests that would be challenged.
	Shadow bool `json:"shadow,omitempty"`

	// Do not set a time stamp cookie while the shop is not attacked. Then level 2 has
	// no known customers.
	NoStamps bool `json:"no_stamps,omitempty"`

	// Domains whose hosts share the cookies, such as example.org for www.example.org
	// and api.example.org. Default: each host has its own.
	CookieDomains []string `json:"cookie_domains,omitempty"`

	app     *shield.App
	joined  *shield.Shop
	store   counters.Store
	tally   *tally.Tally
	keys    func() *pow.Keys
	pages   *pages
	series  *series
	log     *zap.Logger
	logRate rate.Sometimes
	awaited awaited

	bindings bindings

	allowances func() *strangers // of each level; the shop's table is known when all stages are

	entering sync.Mutex // held while a token is let into a subnet
}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_challenge", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the store and the keys.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx, outcomes, solveSeconds)
	if err != nil {
		return fmt.Errorf("shop_challenge: %w", err)
	}
	if h.From == shop.Calm {
		h.From = shop.Raised
	}
	h.app, h.store, h.keys = app, app.Store(), app.Keys
	h.pages = &pages{contact: func() shop.Contact { return app.Contact(h.Shop) }}
	h.series, h.log, h.logRate = seriesOf(h.Shop), ctx.Logger(), rate.Sometimes{Interval: time.Second}
	h.joined = app.Register(h.Shop, "challenge", h, h.explain)
	h.joined.OnUnban(h.forget)
	h.joined.OnVouch(h.knows)
	h.tally = h.joined.Tally
	h.allowances = sync.OnceValue(func() *strangers { return strangersOf(h.joined.Table()) })
	return nil
}

// Validate refuses settings that cannot work.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_challenge: %w", err)
	}
	if h.From >= shop.Level(shop.Levels) {
		return fmt.Errorf("shop_challenge %s: invalid level %d: want 1 to 4", h.Shop, h.From)
	}
	if h.Off && h.Shadow {
		return errors.New("shop_challenge: off and shadow exclude each other")
	}
	if err := checkCookieDomains(h.CookieDomains); err != nil {
		return fmt.Errorf("shop_challenge %s: %w", h.Shop, err)
	}
	return nil
}

// ServeHTTP passes a request on if it is not challenged, or has a pass with some budget
// left.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := chain.VisitOf(r)
	if v == nil {
		return next.ServeHTTP(w, r) // not a visit of this shop; the app refuses chains without shop_visit
	}
	if strings.HasPrefix(r.URL.Path, chain.OwnPaths) {
		return h.serveOwn(w, r, v)
	}
	var t tokens
	if v.Counted.Dynamic {
		h.tally.Vouch(v, h.vouches(r, v, &t))
	}
	if h.Off || v.Partner != nil {
		return next.ServeHTTP(w, r)
	}
	if c := claimOf(v.Class); c != nil {
		return h.serveClaim(c, w, r, v, &t, next)
	}
	if v.Class == shop.Asset && (v.Level < shop.Attack || v.Level < h.From) {
		return next.ServeHTTP(w, r)
	}
	if v.Level < shop.Attack && !h.NoStamps {
		h.stamp(w, r, v, &t)
	}
	if v.Level < h.From {
		return next.ServeHTTP(w, r)
	}
	var asked askedFor
	if v.Level < shop.Attack && h.isStranger(r, v, &t) {
		asked = h.takeStranger(r, v)
		if asked.near {
			v.Trust = shop.Suspicious // and near a limit, as in the stage limit
		}
	}
	if !isChallenged(v) {
		return next.ServeHTTP(w, r)
	}
	pass, ok := h.passOf(r, v, &t)
	if ok && h.spend(&pass, v) {
		h.app.ProtectSubnet(r, v, bucketKey(pass.ID, protect))
		v.Trust = shop.Passed
		return next.ServeHTTP(w, r)
	}
	if v.Level == shop.Attack && v.Trust == shop.Unknown && h.remembers(r, v, &t) {
		v.Trust = shop.Known
		return next.ServeHTTP(w, r)
	}
	if v.Class == shop.Asset && !isLong(r) && h.takeAsset(v) {
		return h.serveAsset(w, r, v, next)
	}
	if h.Shadow {
		h.series.shadow.Inc()
		return next.ServeHTTP(w, r)
	}
	if !asked.counted {
		asked = h.takeStranger(r, v)
	}
	if asked.wait > 0 && !isNavigation(r, v) && !isPrefetch(r) {
		return h.refuseStranger(w, r, v, asked.wait)
	}
	return h.challenge(w, r, v, raisedPrice(pass, ok))
}

// isChallenged reports whether the shop's level requires a pass of the visitor.
func isChallenged(v *shop.Visit) bool {
	switch v.Level {
	case shop.Calm:
		return false
	case shop.Raised:
		return v.Trust == shop.Suspicious
	}
	return true
}

// raisedPrice returns how many times the price is raised after a pass was used up.
func raisedPrice(pass pow.Pass, usedUp bool) uint8 {
	if !usedUp {
		return 0
	}
	return min(pass.Rise+1, maxRise)
}

// explain reports how many passes and answers the client's subnet has left.
func (h *Handler) explain(c shield.Client) []shield.Fact {
	says := func(rule, whose string, d counters.Decision) shield.Fact {
		fact := shield.Fact{Stage: "challenge", Rule: rule, Says: fmt.Sprintf("%s may get %d more", whose, d.Remaining+1)}
		if !d.Allowed() {
			fact.Says = fmt.Sprintf("%s gets none for another %s", whose, d.Wait.Round(1e6))
		}
		return fact
	}
	facts := []shield.Fact{
		says(passIssue.name, "its subnet", h.store.Peek(h.limitKey(c.Subnet, passIssue.name), &passIssue.subnet, c.Now)),
		says(passIssue.name, "it", h.store.Peek(h.limitKey(c.Client, passIssue.name), &passIssue.client, c.Now)),
		says("answers", "it", h.store.Peek(h.limitKey(c.Client, "answers"), &answers, c.Now)),
	}
	if c.Site != (netkey.Key{}) {
		facts = append(facts, says(passIssue.name, "its /48", h.store.Peek(h.limitKey(c.Site, passIssue.name), &passIssue.site, c.Now)))
	}
	return append(facts, h.explainStranger(c)...)
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ chain.Handler               = (*Handler)(nil)
)
