// Package challenge asks visitors of an attacked shop for a little work of
// their browser before they reach it: once, and for as many requests as a
// customer makes and a flood does not.
//
// It stands behind the limits of single clients and before those of the whole
// shop. Callbacks, partners and pictures are never asked. If the shared store
// is lost, passes go on, new ones are shorter, and a solution is accepted once
// at each edge.
package challenge

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler challenges visitors as the shop's level says: nobody when it is 0,
// suspicious clients at 1, unknown visitors at 2, and at 3 and 4 everybody but
// partners. Who solves the challenge gets a pass, a cookie with a budget of
// requests, and the request that was challenged goes on.
type Handler struct {
	// The shop.
	Shop shop.ID `json:"shop"`

	// Challenge nobody at any level.
	Off bool `json:"off,omitempty"`

	// The lowest level at which anybody is challenged. Default: 1.
	From shop.Level `json:"from,omitempty"`

	// Count who would be challenged, and challenge nobody.
	Shadow bool `json:"shadow,omitempty"`

	// Give visitors no time stamp in quiet times. Then there are no known
	// customers at level 2.
	NoStamps bool `json:"no_stamps,omitempty"`

	app       *shield.App
	store     counters.Store
	keys      *pow.Keys
	pages     *pages
	series    *series
	log       *zap.Logger
	sometimes rate.Sometimes
}

// CaddyModule says how Caddy finds the handler.
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
	h.app, h.store, h.keys = app, app.Store(), app.Keys()
	h.pages = &pages{contact: func() shop.Contact { return app.Contact(h.Shop) }}
	h.series, h.log = seriesOf(h.Shop), ctx.Logger()
	app.Join(h.Shop, "challenge", h, h.explain).ForgetsBy(h.forget)
	return nil
}

// Validate refuses what cannot work.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_challenge: %w", err)
	}
	if h.From >= shop.Level(shop.Levels) {
		return fmt.Errorf("shop_challenge %s: there is no level %d", h.Shop, h.From)
	}
	if h.Off && h.Shadow {
		return errors.New("shop_challenge: it cannot be off and in shadow")
	}
	return nil
}

// ServeHTTP lets the visit pass if nobody asks anything of it, or if it has a
// pass with some budget left.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := shield.VisitOf(r)
	if v == nil {
		return next.ServeHTTP(w, r) // not a visit of this shop; the app refuses chains without shop_visit
	}
	if strings.HasPrefix(r.URL.Path, place) {
		return h.serve(w, r, v)
	}
	if h.Off || v.Partner != nil || v.Class == shop.Asset || v.Class == shop.Callback {
		return next.ServeHTTP(w, r)
	}
	if v.Level < shop.Attack && !h.NoStamps {
		h.stamp(w, r, v)
	}
	if v.Level < h.From || !asked(v) {
		return next.ServeHTTP(w, r)
	}
	pass, ok := h.passOf(r, v)
	if ok && h.spend(&pass, v) {
		h.app.Vouch(r, v, bucket(pass.ID, voice))
		v.Trust = shop.Passed
		return next.ServeHTTP(w, r)
	}
	if v.Level == shop.Attack && v.Trust == shop.Unknown && h.remembers(r, v) {
		v.Trust = shop.Known
		return next.ServeHTTP(w, r)
	}
	if h.Shadow {
		h.series.shadow.Inc()
		return next.ServeHTTP(w, r)
	}
	return h.challenge(w, r, v, raised(pass, ok))
}

// asked reports whether the shop's level asks anything of the visitor.
func asked(v *shop.Visit) bool {
	switch v.Level {
	case shop.Calm:
		return false
	case shop.Raised:
		return v.Trust == shop.Suspicious
	}
	return true
}

// raised is by how much a visitor's price rises who has used up a pass.
func raised(pass pow.Pass, usedUp bool) uint8 {
	if !usedUp {
		return 0
	}
	return min(pass.Rise+1, maxRise)
}

// explain says what the stage asks of a client, and what its neighbourhood
// has left.
func (h *Handler) explain(c shield.Client) []shield.Fact {
	says := func(rule string, lim *counters.Limit) shield.Fact {
		d := h.store.Peek(h.ofNet(c.Subnet, rule), lim, c.Now)
		fact := shield.Fact{Stage: "challenge", Rule: rule, Says: fmt.Sprintf("its neighbourhood may get %d more", d.Remaining+1)}
		if !d.Allowed() {
			fact.Says = fmt.Sprintf("its neighbourhood gets no more for %s", d.Wait.Round(1e6))
		}
		return fact
	}
	return []shield.Fact{says("passes", &mints), says("answers", &answers)}
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ shield.Handler              = (*Handler)(nil)
)
