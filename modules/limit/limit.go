// Package limit refuses requests that come faster than a shop allows: per
// client, per neighbourhood, per shop, or per anything a placeholder can name.
//
// It runs after visit and before everything that costs more. Counts are shared
// by all edges; if the shared store is lost each edge goes on with its share
// of every limit, so a lost store neither opens nor closes the shops.
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
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler refuses a request with status 429 when one of the zones that count
// it has nothing left. A refused visitor is told when to come back
// (Retry-After) and under which limit (RateLimit and RateLimit-Policy of
// draft-ietf-httpapi-ratelimit-headers).
type Handler struct {
	// The shop whose requests are counted. Zones of different shops never
	// share a count, whatever their names.
	Shop shop.ID `json:"shop"`

	// Whether this is the second shop_limit of a shop, behind the challenge.
	// The first one has limited the partners.
	AfterChallenge bool `json:"after_challenge,omitempty"`

	// The zones, in the order in which they are asked. A request counts in
	// each until one refuses it, so put the narrow ones first.
	Zones []*Zone `json:"zones,omitempty"`

	// Count only and refuse nobody: every zone is in shadow.
	Shadow bool `json:"shadow,omitempty"`

	// After so many refusals in a row a client gets a bare 429 without body
	// and without the error routes: cheaper for the edge, useless for the
	// attacker. In zones that count a crowd (net, shop) everybody gets the
	// page, since most of the crowd is innocent. Default: 20.
	CompactAfter uint32 `json:"compact_after,omitempty"`

	app      *shield.App
	store    counters.Store
	partners partners
	after    []*Zone // those that count by how a visit ended
}

// defaultCompactAfter lets a person press reload quite a while and still read
// a page.
const defaultCompactAfter = 20

// CaddyModule says how Caddy finds the handler.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_limit", New: func() caddy.Module { return new(Handler) }}
}

// UnmarshalJSON reads the handler, and says what a field is called now that had
// another name before 1.0.
func (h *Handler) UnmarshalJSON(raw []byte) error {
	type plain Handler
	return shield.UnmarshalStrict(raw, "shop_limit", (*plain)(h))
}

// Provision finds the store and prepares the zones.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx, decisions, overshoot)
	if err != nil {
		return fmt.Errorf("shop_limit: %w", err)
	}
	if h.CompactAfter == 0 {
		h.CompactAfter = defaultCompactAfter
	}
	for _, z := range h.Zones {
		if err := z.provision(ctx, h.Shop, app.Hasher()); err != nil {
			return fmt.Errorf("shop_limit %s: zone %s: %w", h.Shop, z.Name, err)
		}
		z.shadow = z.Shadow || h.Shadow
		if z.later() {
			h.after = append(h.after, z)
		}
	}
	h.app, h.store = app, app.Store()
	h.partners = partners{shop: h.Shop, hasher: app.Hasher(), log: ctx.Logger(), shadow: h.Shadow}
	stage := "limit"
	if h.AfterChallenge {
		stage = "after_challenge"
	}
	app.Join(h.Shop, stage, h, h.explain).ForgetsBy(h.forget)
	return nil
}

// Validate refuses zones that would refuse everyone, or share a name.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_limit: %w", err)
	}
	names := make(map[string]bool)
	for _, z := range h.Zones {
		if names[z.Name] {
			return fmt.Errorf("shop_limit %s: zone %q stands twice", h.Shop, z.Name)
		}
		names[z.Name] = true
		if err := z.validate(); err != nil {
			return fmt.Errorf("shop_limit %s: zone %q: %w", h.Shop, z.Name, err)
		}
	}
	return nil
}

// ServeHTTP asks the zones in turn and lets the request pass if none refuses.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := shield.VisitOf(r)
	if v == nil {
		return next.ServeHTTP(w, r) // not a visit of this shop; the app refuses chains without shop_visit
	}
	if v.Partner != nil && h.AfterChallenge {
		return next.ServeHTTP(w, r)
	}
	if v.Partner != nil {
		z := h.partners.zone(v.Partner)
		if refused, err := h.ask(z, w, r, v); refused {
			return err
		}
		return next.ServeHTTP(w, r)
	}
	for _, z := range h.Zones {
		if !z.counts(v, r) {
			continue
		}
		if refused, err := h.ask(z, w, r, v); refused {
			return err
		}
	}
	err := next.ServeHTTP(w, r)
	for _, z := range h.after {
		if z.ended(v, err) && z.counts(v, r) {
			h.ban(z, h.take(z, v, r), v, r)
		}
	}
	return err
}

// ask lets one zone decide. Zones that count afterwards only look.
func (h *Handler) ask(z *Zone, w http.ResponseWriter, r *http.Request, v *shop.Visit) (refused bool, err error) {
	var d counters.Decision
	if z.later() {
		d = h.store.Peek(z.keyOf(v, r), &z.limit, v.Start)
	}
	if !z.later() || !d.Allowed() {
		d = h.take(z, v, r) // takes nothing from an empty bucket, but counts the refusal
	}
	switch {
	case d.Allowed():
		z.outcomes.allowed.Inc()
		if z.personal && d.Remaining < z.Burst/4 && v.Trust == shop.Unknown {
			v.Trust = shop.Suspicious
		}
		if (v.Class == shop.API || v.Partner != nil) && w.Header()["Ratelimit"] == nil {
			z.setHeaders(w.Header(), d) // of the first zone, which is the narrowest
		}
		return false, nil
	case z.shadow:
		z.outcomes.shadowed.Inc()
		return false, nil
	case d.Penalized, z.personal && d.Refusals > h.CompactAfter:
		z.outcomes.compact.Inc()
		z.note(v, d)
		h.ban(z, d, v, r)
		v.Outcome = shop.Outcome{Stage: "limit", Rule: z.Name}
		w.Header()["Retry-After"] = retryAfter(d.Wait)
		w.WriteHeader(http.StatusTooManyRequests)
		return true, nil
	}
	z.outcomes.refused.Inc()
	z.note(v, d)
	z.setHeaders(w.Header(), d)
	return true, shield.Refuse(v, http.StatusTooManyRequests, shop.Outcome{Stage: "limit", Rule: z.Name}, d.Wait)
}

func (h *Handler) take(z *Zone, v *shop.Visit, r *http.Request) counters.Decision {
	key := z.keyOf(v, r)
	if z.Exact {
		return h.store.TakeExact(r.Context(), key, &z.limit, v.Start)
	}
	return h.store.Take(key, &z.limit, v.Start)
}

// explain says how much is left for a client in each zone that knows clients.
func (h *Handler) explain(c shield.Client) []shield.Fact {
	facts := make([]shield.Fact, 0, len(h.Zones))
	v := &shop.Visit{Shop: h.Shop, Client: c.Client, Subnet: c.Subnet, Start: c.Now}
	for _, z := range h.Zones {
		fact := shield.Fact{Stage: "limit", Rule: z.Name}
		if z.values {
			fact.Says = "counts by more than the address; cannot be told from it"
		} else {
			fact.Says = tell(z, h.store.Peek(z.keyOf(v, nil), &z.limit, c.Now))
		}
		facts = append(facts, fact)
	}
	return facts
}

func tell(z *Zone, d counters.Decision) string {
	switch {
	case d.Penalized:
		return fmt.Sprintf("refused for %s more; limit %s, burst %d; in a penalty", d.Wait.Round(time.Second), z.Rate, z.Burst)
	case !d.Allowed():
		return fmt.Sprintf("refused for %s more; limit %s, burst %d", d.Wait.Round(time.Millisecond), z.Rate, z.Burst)
	}
	return fmt.Sprintf("%d of %d left; limit %s", d.Remaining+1, z.Burst, z.Rate) // the one that Peek would take, too
}

// note logs refusals, one line a second and zone at the most. The line holds
// no address and no path.
func (z *Zone) note(v *shop.Visit, d counters.Decision) {
	z.sometimes.Do(func() {
		z.log.Info("refused",
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
	_ shield.Handler              = (*Handler)(nil)
)
