// Package waf is the web application firewall: it refuses requests that carry an
// attack, by the OWASP Core Rule Set on Coraza. It is the last stage before the
// backend, since it costs the most.
//
// Its refusals and its logs name rules and fields and never a value: what a
// customer orders in a pharmacy is health data. If the engine panics on a request,
// only that request is refused.
package waf

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler inspects requests. It refuses those whose anomaly score reaches the
// threshold, and those that are larger or have more fields than a shop needs.
type Handler struct {
	// The shop.
	Shop shop.ID `json:"shop"`

	// Inspect nothing.
	Off bool `json:"off,omitempty"`

	// Inspect and count only; refuse nothing.
	Shadow bool `json:"shadow,omitempty"`

	// The paranoia level of the Core Rule Set, 1 to 4. Higher levels find more
	// attacks and have more false positives. Default: 1.
	Paranoia int `json:"paranoia,omitempty"`

	// The anomaly score from which a request is refused. Default: 5, the score of
	// one critical rule.
	Threshold int `json:"threshold,omitempty"`

	// The methods and content types that the shop accepts. Default: those of common
	// shop software.
	Methods      []string `json:"methods,omitempty"`
	ContentTypes []string `json:"content_types,omitempty"`

	// Use the Core Rule Set without the preset's exclusions. It takes a search for
	// `wc ente` for an attack.
	Bare bool `json:"bare,omitempty"`

	// Rules, and targets of rules, that are excluded for this shop.
	Exclusions []*Exclusion `json:"exclusions,omitempty"`

	// Path prefixes below which the shop's staff works, which may write HTML. Each needs
	// a log-in. Those of common shop software are known.
	Staff []string `json:"staff,omitempty"`

	// Requests that are not inspected at all.
	SkipRaw caddyhttp.RawMatcherSets `json:"skip,omitempty" caddy:"namespace=http.matchers"`

	// How large a request may be, and of how many parts.
	Bounds Bounds `json:"bounds,omitzero"`

	// Files (glob patterns) with the shop's own rules, in the language of
	// ModSecurity. A shop with rules of its own gets an engine of its own, 2 MB.
	Rules []string `json:"rules,omitempty"`

	// Also inspect responses. Text up to 512 KiB is buffered until the rules have
	// found no database error, source code or web shell in it. Default: false.
	Responses bool `json:"responses,omitempty"`

	// How many requests are inspected at a time. Default: four per core; more would
	// only wait for each other.
	Concurrency int `json:"concurrency,omitempty"`

	// How much CPU time per second the inspections of this shop may take together.
	// Default: half of the machine's cores.
	Time caddy.Duration `json:"time,omitempty"`

	// Whether a sieve finds the rules that cannot match a request, so that only the others
	// run: on or off. The verdict is the same. Default: off.
	Sieve string `json:"sieve,omitempty"`

	// One of how many requests that the sieve decides is inspected by all rules, to see
	// whether it was right. Default: 1000.
	SieveAudit int `json:"sieve_audit,omitempty"`

	store     counters.Store
	tally     *tally.Tally
	engine    *engine
	engineKey string
	steps     []step
	sifter    *sifter
	skip      caddyhttp.MatcherSets
	budget    *budget
	bodies    *semaphore.Weighted
	series    *series
	events    *events
	log       *zap.Logger
	sometimes rate.Sometimes
}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_waf", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds or builds the engine and compiles the shop's settings.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx, outcomes, scores, seconds, matches, sifted, audits, opened)
	if err != nil {
		return fmt.Errorf("shop_waf: %w", err)
	}
	h.fillDefaults()
	h.store = app.Store()
	h.series, h.log, h.events = seriesOf(h.Shop), ctx.Logger(), eventsOf(h.Shop)
	h.sometimes = rate.Sometimes{Interval: time.Second}
	h.budget, h.bodies = newBudget(h.Concurrency, h.Time), semaphore.NewWeighted(bufferedByShop)
	joined := app.Register(h.Shop, "waf", h, nil)
	joined.OnFind(h.explain)
	h.tally = joined.Tally
	h.budget.divide(joined.Table())
	if h.Off {
		return nil
	}
	loaded, err := ctx.LoadModule(h, "SkipRaw")
	if err != nil {
		return fmt.Errorf("shop_waf %s: loading the skip matchers: %w", h.Shop, err)
	}
	if err := h.skip.FromInterface(loaded); err != nil {
		return fmt.Errorf("shop_waf %s: reading the skip matchers: %w", h.Shop, err)
	}
	rules, err := readRules(h.Rules)
	if err != nil {
		return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
	}
	if h.engine, h.engineKey, err = engineOf(rules); err != nil {
		return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
	}
	if err := h.tune(); err != nil {
		return err
	}
	h.sift()
	return nil
}

// tune compiles this shop's settings into steps.
func (h *Handler) tune() error {
	h.steps = []step{
		set("blocking_paranoia_level", fmt.Sprint(h.Paranoia)),
		set("inbound_anomaly_score_threshold", fmt.Sprint(h.Threshold)),
		set("allowed_methods", strings.Join(h.Methods, " ")),
		allowTypes(h.ContentTypes),
		set("max_num_args", fmt.Sprint(h.Bounds.Arguments)),
	}
	if !h.Bare {
		preset, err := h.engine.preset()
		if err != nil {
			return fmt.Errorf("shop_waf %s: the preset: %w", h.Shop, err)
		}
		staff, err := h.engine.compile(h.staffExclusions())
		if err != nil {
			return fmt.Errorf("shop_waf %s: staff: %w", h.Shop, err)
		}
		h.steps = slices.Concat(h.steps, preset, staff, byValue(h.Methods))
	}
	own, err := h.engine.compile(h.Exclusions)
	if err != nil {
		return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
	}
	h.steps = append(h.steps, own...)
	return nil
}

// staffExclusions are those below the shop's own staff paths.
func (h *Handler) staffExclusions() []*Exclusion {
	if len(h.Staff) == 0 { // no paths would mean all
		return nil
	}
	paths := make([]string, len(h.Staff))
	for i, path := range h.Staff {
		paths[i] = strings.TrimSuffix(path, "*")
	}
	return staffExclusions(paths)
}

// Validate refuses settings that cannot work.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_waf: %w", err)
	}
	for _, t := range h.ContentTypes {
		if err := checkType(t); err != nil {
			return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
		}
	}
	for _, path := range h.Staff {
		if !strings.HasPrefix(path, "/") || strings.Trim(path, "/*") == "" {
			return fmt.Errorf("shop_waf %s: invalid staff path %q: want a prefix such as /backend_8f3a/", h.Shop, path)
		}
	}
	switch {
	case h.Paranoia < 1 || h.Paranoia > 4:
		return fmt.Errorf("shop_waf %s: invalid paranoia %d: want 1 to 4", h.Shop, h.Paranoia)
	case h.Threshold < 1:
		return fmt.Errorf("shop_waf %s: invalid threshold %d: want at least 1", h.Shop, h.Threshold)
	case h.Concurrency < 1:
		return fmt.Errorf("shop_waf %s: invalid concurrency %d: want at least 1", h.Shop, h.Concurrency)
	case h.Time < caddy.Duration(time.Millisecond):
		return fmt.Errorf("shop_waf %s: invalid time %s: want at least 1ms", h.Shop, time.Duration(h.Time))
	case h.Bounds.Body > bufferedByShop, h.Bounds.Text > bufferedByShop:
		return fmt.Errorf("shop_waf %s: body and text can be at most 128 MiB, which is what the edge buffers for one shop", h.Shop)
	case h.Sieve != "on" && h.Sieve != "off":
		return fmt.Errorf("shop_waf %s: invalid sieve %q: want on or off", h.Shop, h.Sieve)
	case h.SieveAudit < 1:
		return fmt.Errorf("shop_waf %s: invalid sieve audit %d: want at least 1", h.Shop, h.SieveAudit)
	case h.Off && h.Shadow:
		return errors.New("shop_waf: off and shadow exclude each other")
	}
	return nil
}

// ServeHTTP inspects the request and passes it on if the rules find nothing.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := chain.VisitOf(r)
	if v == nil {
		return next.ServeHTTP(w, r)
	}
	if h.Off {
		return h.pass(w, r, v, next)
	}
	if skip, err := h.skip.AnyMatchWithError(r); len(h.skip) > 0 && skip && err == nil {
		h.series.skipped.Inc()
		return h.pass(w, r, v, next)
	}
	body, found := h.read(r, v)
	defer body.release()
	var open transaction
	switch {
	case found == nil:
		found, open = h.admitted(r, v, body)
	case found.rule == "ambiguous" && h.Shadow:
		h.alsoMatched(r, v, body, found)
	}
	switch {
	case found != nil:
		return h.conclude(w, r, v, found, next)
	case open != nil:
		h.series.clean.Inc()
		return h.inspectResponse(w, r, v, open, next)
	}
	h.series.clean.Inc()
	return h.pass(w, r, v, next)
}

// pass passes the request on to the backend: this is the last stage.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, v *shop.Visit, next caddyhttp.Handler) error {
	h.tally.Through(v)
	return next.ServeHTTP(w, r)
}

// admitted inspects the request once it has a slot.
func (h *Handler) admitted(r *http.Request, v *shop.Visit, body *body) (*finding, transaction) {
	found, spender := h.overspent(v, body.table.Text)
	if found != nil {
		return found, nil
	}
	strange := isStrangersBody(r, v)
	if strange && h.isDivided(v) {
		return &finding{rule: "busy", status: http.StatusServiceUnavailable}, nil
	}
	release, ok := h.budget.admit(r.Context(), v, spender)
	if !ok {
		return &finding{rule: "busy", status: http.StatusServiceUnavailable}, nil
	}
	defer release()
	return h.inspect(r, v, body.table, spender || strange)
}

// alsoMatched adds to a finding of the parser what rules find in what it has read: in
// shadow mode, the shop gets the request.
func (h *Handler) alsoMatched(r *http.Request, v *shop.Visit, body *body, found *finding) {
	also, open := h.admitted(r, v, body)
	if also != nil {
		found.matched, found.score = also.matched, also.score
	}
	if open != nil {
		h.finish(open)
	}
}

// conclude refuses the request, or only records the finding in shadow mode.
func (h *Handler) conclude(w http.ResponseWriter, r *http.Request, v *shop.Visit, found *finding, next caddyhttp.Handler) error {
	busy := found.rule == "busy" || found.rule == "share" // nothing is wrong with the request
	reference := ""
	if !busy {
		reference = h.record(v, found)
	}
	if h.Shadow {
		h.series.shadow.Inc()
		return h.pass(w, r, v, next)
	}
	h.series.refused[found.rule].Inc()
	outcome := shop.Outcome{Stage: "waf", Rule: found.rule}
	if busy {
		w.Header()["Retry-After"] = inTwoSeconds
		return chain.Refuse(v, found.status, outcome, busyFor)
	}
	return chain.RefuseAs(v, found.status, outcome, reference)
}

// Cleanup releases the engine.
func (h *Handler) Cleanup() error {
	if h.engineKey == "" {
		return nil
	}
	_, err := engines.Delete(h.engineKey)
	return err
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ chain.Handler               = (*Handler)(nil)
)
