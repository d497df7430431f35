// Package limit is the rate limiter: token buckets per client, per subnet (/24 or /56), per
// site (/48), per shop, or per anything that a placeholder can name.
//
// It runs after visit and before everything that costs more. All edges share the
// buckets in Redis. If Redis is lost, each edge enforces its share of every limit, so
// the shops are neither unprotected nor closed.
package limit

import (
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler refuses a request with status 429 when the bucket of one of its zones is empty.
// The response says when to retry (Retry-After) and which limit was exceeded (RateLimit
// and RateLimit-Policy of draft-ietf-httpapi-ratelimit-headers).
type Handler struct {
	// The shop whose requests are counted. Zones of different shops never share a
	// bucket, even with the same name.
	Shop shop.ID `json:"shop"`

	// Whether this is the second shop_limit of a shop, after the challenge. The first
	// one has limited the partners.
	AfterChallenge bool `json:"after_challenge,omitempty"`

	// The zones in the order of evaluation. A request counts in each until one refuses
	// it, so put the narrow ones first.
	Zones []*Zone `json:"zones,omitempty"`

	// Count only; refuse nothing: every zone is in shadow mode.
	Shadow bool `json:"shadow,omitempty"`

	// After this many consecutive refusals a client gets a bare 429, without body and
	// without the error routes: cheaper for the edge, useless to an attacker. Zones
	// that count many clients together (subnet, site, shop) always send the page, since
	// most of those clients are innocent. Default: 20.
	CompactAfter uint32 `json:"compact_after,omitempty"`

	app      *shield.App
	joined   *shield.Shop
	store    counters.Store
	tally    *tally.Tally
	partners partners
	after    []*Zone // those that count by the response
}

// defaultCompactAfter lets a person press reload many times and still read a page.
const defaultCompactAfter = 20

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_limit", New: func() caddy.Module { return new(Handler) }}
}

// UnmarshalJSON decodes the handler. For a field that was renamed before 1.0 the error
// has its new name.
func (h *Handler) UnmarshalJSON(raw []byte) error {
	type plain Handler
	return syntax.UnmarshalStrict(raw, "shop_limit", (*plain)(h))
}

// Provision finds the store and sets up the zones.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx, decisions, overshoot)
	if err != nil {
		return fmt.Errorf("shop_limit: %w", err)
	}
	if h.CompactAfter == 0 {
		h.CompactAfter = defaultCompactAfter
	}
	stage := "limit"
	if h.AfterChallenge {
		stage = "after_challenge"
	}
	h.joined = app.Register(h.Shop, stage, h, h.explain)
	h.joined.OnUnban(h.forget)
	for _, z := range h.Zones {
		if err := z.provision(ctx, h.Shop, app.Hasher); err != nil {
			return fmt.Errorf("shop_limit %s: zone %s: %w", h.Shop, z.Name, err)
		}
		z.shadow = z.Shadow || h.Shadow
		if z.countsNetwork() {
			z.strangers, z.strangersRule = reduced(&z.limit, h.joined.Table(), ofSubnet), z.Name+" strangers"
		}
		if z.afterResponse() {
			h.after = append(h.after, z)
		}
	}
	h.app, h.store = app, app.Store()
	h.tally = h.joined.Tally
	h.partners = partners{shop: h.Shop, hasher: app.Hasher, log: ctx.Logger(), shadow: h.Shadow, table: h.joined.Table()}
	return nil
}

// Validate refuses zones that would refuse every request, and duplicate names.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_limit: %w", err)
	}
	names := make(map[string]bool)
	for _, z := range h.Zones {
		if names[z.Name] {
			return fmt.Errorf("shop_limit %s: duplicate zone %q", h.Shop, z.Name)
		}
		names[z.Name] = true
		if err := z.validate(); err != nil {
			return fmt.Errorf("shop_limit %s: zone %q: %w", h.Shop, z.Name, err)
		}
	}
	return nil
}

// ServeHTTP evaluates the zones in turn and passes the request on if none refuses it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := chain.VisitOf(r)
	if v == nil {
		return next.ServeHTTP(w, r) // not a visit of this shop; the app refuses chains without shop_visit
	}
	if v.Partner != nil && h.AfterChallenge {
		return next.ServeHTTP(w, r)
	}
	if v.Partner != nil {
		z := h.partners.zone(v.Partner)
		if refused, err := h.check(z, w, r, v); refused {
			return err
		}
		return next.ServeHTTP(w, r)
	}
	for _, z := range h.Zones {
		if !z.counts(v, r) {
			continue
		}
		if z.strangers != nil {
			if refused, err := h.checkStranger(z, w, r, v); refused {
				return err
			}
		}
		if refused, err := h.check(z, w, r, v); refused {
			return err
		}
	}
	err := next.ServeHTTP(w, r)
	for _, z := range h.after {
		if z.matchesResponse(v, err) && z.counts(v, r) {
			h.ban(z, h.take(z, v, r), v, r)
		}
	}
	return err
}

// check lets one zone decide. A zone that counts by the response only peeks.
func (h *Handler) check(z *Zone, w http.ResponseWriter, r *http.Request, v *shop.Visit) (refused bool, err error) {
	var d counters.Decision
	if z.afterResponse() {
		d = h.store.Peek(z.keyOf(v, r), &z.limit, v.Start)
	}
	if !z.afterResponse() || !d.Allowed() {
		d = h.take(z, v, r) // an empty bucket loses nothing, but counts the refusal
	}
	if z.wholeShop && !d.Allowed() && !z.shadow {
		h.tally.Crowd(v)
	}
	switch {
	case d.Allowed():
		z.outcomes.allowed.Inc()
		if z.perClient && v.Trust == shop.Unknown && d.Remaining < z.Burst*int64(100-h.joined.Measures(v.Level).Suspicious)/100 {
			v.Trust = shop.Suspicious
		}
		if (v.Class == shop.API || v.Partner != nil) && w.Header()["Ratelimit"] == nil {
			z.setHeaders(w.Header(), d) // of the first zone, the narrowest
		}
		return false, nil
	case z.shadow:
		z.outcomes.shadowed.Inc()
		return false, nil
	case z.crawler != nil && v.Level >= shop.Heavy:
		refuseCrawler(z, w, v)
		return true, nil
	case d.Penalized, z.perClient && d.Refusals > h.CompactAfter:
		z.outcomes.compact.Inc()
		z.logRefusal(v, d)
		h.ban(z, d, v, r)
		v.Outcome = shop.Outcome{Stage: "limit", Rule: z.Name}
		w.Header()["Retry-After"] = retryAfter(d.Wait)
		w.WriteHeader(http.StatusTooManyRequests)
		return true, nil
	}
	z.outcomes.refused.Inc()
	z.logRefusal(v, d)
	z.setHeaders(w.Header(), d)
	return true, chain.Refuse(v, http.StatusTooManyRequests, shop.Outcome{Stage: "limit", Rule: z.Name}, d.Wait)
}

func (h *Handler) take(z *Zone, v *shop.Visit, r *http.Request) counters.Decision {
	key := z.keyOf(v, r)
	switch {
	case z.Exact:
		return h.store.TakeExact(r.Context(), key, &z.limit, v.Start)
	case z.crawler != nil && v.Level > shop.Calm:
		return h.store.Take(key, &z.crawler()[v.Level], v.Start)
	}
	return h.store.Take(key, &z.limit, v.Start)
}

// explain describes how much a client has left in each zone that can be told from its
// address.
func (h *Handler) explain(c shield.Client) []shield.Fact {
	facts := make([]shield.Fact, 0, len(h.Zones))
	v := &shop.Visit{Shop: h.Shop, Client: c.Client, Subnet: c.Subnet, Site: c.Site, Start: c.Now}
	for _, z := range h.Zones {
		if z.perSite && v.Site == (netkey.Key{}) {
			continue // it does not count the client
		}
		fact := shield.Fact{Stage: "limit", Rule: z.Name}
		if z.values {
			fact.Says = "depends on more than the address"
		} else {
			fact.Says = describe(z, h.store.Peek(z.keyOf(v, nil), &z.limit, c.Now))
		}
		facts = append(facts, fact)
	}
	return facts
}

func describe(z *Zone, d counters.Decision) string {
	switch {
	case d.Penalized:
		return fmt.Sprintf("refused for another %s by a penalty; limit %s, burst %d", d.Wait.Round(time.Second), z.Rate, z.Burst)
	case !d.Allowed():
		return fmt.Sprintf("refused for another %s; limit %s, burst %d", d.Wait.Round(time.Millisecond), z.Rate, z.Burst)
	}
	return fmt.Sprintf("%d of %d left; limit %s", d.Remaining+1, z.Burst, z.Rate) // Peek subtracts one
}

// logRefusal logs a refusal, at most one line per second and zone. The line has neither
// address nor path.
func (z *Zone) logRefusal(v *shop.Visit, d counters.Decision) {
	z.logRate.Do(func() {
		z.log.Info("request refused",
			zap.String("shop", string(v.Shop)), zap.String("zone", z.Name),
			zap.String("class", v.Class.String()), zap.String("client", v.Client.Reference()),
			zap.Duration("wait", d.Wait), zap.Uint32("in_a_row", d.Refusals), zap.Bool("penalty", d.Penalized))
	})
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ chain.Handler               = (*Handler)(nil)
)
