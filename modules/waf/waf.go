// Package waf refuses requests that carry an attack, by the OWASP Core Rule Set
// on Coraza. It stands last on the path, since it costs most.
//
// Its refusals and its logs name rules and fields and never a value: what
// somebody orders in a pharmacy is health data. If the engine fails on a
// request, that request is refused and no other.
package waf

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler inspects requests and refuses those whose anomaly score reaches the
// threshold, and those that consist of more than a shop's requests ever do.
type Handler struct {
	// The shop.
	Shop shop.ID `json:"shop"`

	// Inspect nothing.
	Off bool `json:"off,omitempty"`

	// Inspect and count, and refuse nothing.
	Shadow bool `json:"shadow,omitempty"`

	// The paranoia level, 1 to 4: higher ones find more, and refuse more that
	// is harmless. Default: 1.
	Paranoia int `json:"paranoia,omitempty"`

	// The anomaly score from which a request is refused. Default: 5, which one
	// critical rule gives.
	Threshold int `json:"threshold,omitempty"`

	// The methods and content types that the shop takes.
	Methods      []string `json:"methods,omitempty"`
	ContentTypes []string `json:"content_types,omitempty"`

	// Leave the preset's exclusions out: the Core Rule Set as it is, which
	// takes searches for `wc ente` for an attack.
	Bare bool `json:"bare,omitempty"`

	// Rules, and targets of rules, that are left out for this shop.
	Exclusions []*Exclusion `json:"exclusions,omitempty"`

	// Requests that are not inspected at all.
	SkipRaw caddyhttp.RawMatcherSets `json:"skip,omitempty" caddy:"namespace=http.matchers"`

	// What a request may consist of.
	Bounds Bounds `json:"bounds,omitzero"`

	// Files with rules of the shop's own, in the language of ModSecurity. A
	// shop that has some gets an engine of its own: 2 MB.
	Rules []string `json:"rules,omitempty"`

	// Inspect answers, too: pages of text up to 512 KiB are held back until it
	// is known that they show no error of a database, no source and no shell.
	Responses bool `json:"responses,omitempty"`

	// How many requests are inspected at a time. Default: four for each core;
	// more would only wait for each other.
	Concurrency int `json:"concurrency,omitempty"`

	// How much time a second the inspections of this shop may take together.
	// Default: half of the machine's cores.
	Time caddy.Duration `json:"time,omitempty"`

	engine    *engine
	engineKey string
	steps     []step
	skip      caddyhttp.MatcherSets
	budget    *budget
	bodies    *semaphore.Weighted
	series    *series
	events    *events
	log       *zap.Logger
	sometimes rate.Sometimes
}

// CaddyModule says how Caddy finds the handler.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_waf", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the engine and prepares the shop's tuning.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx, outcomes, scores, seconds, matches)
	if err != nil {
		return fmt.Errorf("shop_waf: %w", err)
	}
	h.fillDefaults()
	h.series, h.log, h.events = seriesOf(h.Shop), ctx.Logger(), eventsOf(h.Shop)
	h.budget, h.bodies = newBudget(h.Concurrency, h.Time), semaphore.NewWeighted(heldByShop)
	app.Join(h.Shop, "waf", h, nil).FindsBy(h.explain)
	if h.Off {
		return nil
	}
	loaded, err := ctx.LoadModule(h, "SkipRaw")
	if err != nil {
		return fmt.Errorf("shop_waf %s: loading the matchers of skip: %w", h.Shop, err)
	}
	if err := h.skip.FromInterface(loaded); err != nil {
		return fmt.Errorf("shop_waf %s: reading the matchers of skip: %w", h.Shop, err)
	}
	rules, err := readRules(h.Rules)
	if err != nil {
		return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
	}
	if h.engine, h.engineKey, err = engineOf(rules); err != nil {
		return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
	}
	return h.tune()
}

// tune compiles what is special about this shop into steps.
func (h *Handler) tune() error {
	h.steps = []step{
		set("blocking_paranoia_level", fmt.Sprint(h.Paranoia)),
		set("inbound_anomaly_score_threshold", fmt.Sprint(h.Threshold)),
		set("allowed_methods", strings.Join(h.Methods, " ")),
		set("allowed_request_content_type", contentTypes(h.ContentTypes)),
		set("max_num_args", fmt.Sprint(h.Bounds.Arguments)),
	}
	if !h.Bare {
		preset, err := h.engine.preset()
		if err != nil {
			return fmt.Errorf("shop_waf %s: the preset: %w", h.Shop, err)
		}
		h.steps = append(h.steps, preset...)
	}
	own, err := h.engine.compile(h.Exclusions)
	if err != nil {
		return fmt.Errorf("shop_waf %s: %w", h.Shop, err)
	}
	h.steps = append(h.steps, own...)
	return nil
}

// Validate refuses what cannot work.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_waf: %w", err)
	}
	switch {
	case h.Paranoia < 1 || h.Paranoia > 4:
		return fmt.Errorf("shop_waf %s: paranoia is %d; it goes from 1 to 4", h.Shop, h.Paranoia)
	case h.Threshold < 1:
		return fmt.Errorf("shop_waf %s: threshold is %d; it must be at least 1", h.Shop, h.Threshold)
	case h.Concurrency < 1:
		return fmt.Errorf("shop_waf %s: concurrency is %d; it must be at least 1", h.Shop, h.Concurrency)
	case h.Time < caddy.Duration(time.Millisecond):
		return fmt.Errorf("shop_waf %s: time is %s; it must be at least 1ms", h.Shop, time.Duration(h.Time))
	case h.Bounds.Body > heldByShop, h.Bounds.Text > heldByShop:
		return fmt.Errorf("shop_waf %s: body and text go up to 128 MiB, which is what the edge holds for a shop", h.Shop)
	case h.Off && h.Shadow:
		return errors.New("shop_waf: it cannot be off and in shadow")
	}
	return nil
}

// ServeHTTP inspects the request and lets it pass if nothing is wrong with it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := shield.VisitOf(r)
	if v == nil || h.Off {
		return next.ServeHTTP(w, r)
	}
	if skip, err := h.skip.AnyMatchWithError(r); len(h.skip) > 0 && skip && err == nil {
		h.series.skipped.Inc()
		return next.ServeHTTP(w, r)
	}
	body, found := h.read(r, v)
	defer body.release()
	var open transaction
	if found == nil {
		found, open = h.admitted(r, v, body.bytes)
	}
	switch {
	case found != nil:
		return h.conclude(w, r, v, found, next)
	case open != nil:
		h.series.clean.Inc()
		return h.watch(w, r, v, open, next)
	}
	h.series.clean.Inc()
	return next.ServeHTTP(w, r)
}

// admitted inspects the request when it is its turn.
func (h *Handler) admitted(r *http.Request, v *shop.Visit, body []byte) (*finding, transaction) {
	release, ok := h.budget.admit(r.Context(), v)
	if !ok {
		return &finding{rule: "busy", status: http.StatusServiceUnavailable}, nil
	}
	defer release()
	return h.inspect(r, body)
}

// conclude refuses what was found, or only notes it in shadow.
func (h *Handler) conclude(w http.ResponseWriter, r *http.Request, v *shop.Visit, found *finding, next caddyhttp.Handler) error {
	busy := found.rule == "busy" // which says nothing about the request
	reference := ""
	if !busy {
		reference = h.note(v, found)
	}
	if h.Shadow {
		h.series.shadow.Inc()
		return next.ServeHTTP(w, r)
	}
	h.series.refused[found.rule].Inc()
	outcome := shop.Outcome{Stage: "waf", Rule: found.rule}
	if busy {
		return shield.Refuse(v, found.status, outcome, busyFor)
	}
	return shield.RefuseAs(v, found.status, outcome, reference)
}

// Cleanup leaves the engine.
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
	_ shield.Handler              = (*Handler)(nil)
)
