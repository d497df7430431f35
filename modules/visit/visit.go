// Package visit is the first stage of the path: it finds out who is visiting
// which shop and for what, and on the way back how the visit ended.
//
// It refuses banned clients, in every chain that has a shop, and no others. It
// keeps no address but those of alleged crawlers, in memory. Clients whose
// address cannot be read are counted together, and never banned.
package visit

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler makes the visit that all later stages read, from Caddy's client_ip,
// the method, the path and the headers.
type Handler struct {
	// The shop's ID: a-z, 0-9 and '-'. It stands in metrics, logs and keys.
	Shop shop.ID `json:"shop"`

	// Whom a refused customer can turn to.
	Contact shop.Contact `json:"contact,omitzero"`

	// The shop's own rules for the class of a request; the first that matches
	// wins, then the preset decides.
	Classes []*ClassRule `json:"classes,omitempty"`

	// Machines that the shop depends on; the first that has proven to be one
	// wins.
	Partners []*Partner `json:"partners,omitempty"`

	app    *shield.App
	hasher *netkey.Hasher
	joined *shield.Shop
	counts *counts
}

// ClassRule gives a class to the requests that it matches.
type ClassRule struct {
	// Callback, checkout, cart, account, page, search, api, asset or socket.
	Class string `json:"class"`

	// Which requests.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match" caddy:"namespace=http.matchers"`

	class   shop.Class
	matches caddyhttp.MatcherSets
}

// CaddyModule says how Caddy finds the handler.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_visit", New: func() caddy.Module { return new(Handler) }}
}

// Provision joins the shop to the app.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx, requests, answers, backendSeconds)
	if err != nil {
		return fmt.Errorf("shop_visit: %w", err)
	}
	if h.Contact.Name == "" {
		h.Contact.Name = string(h.Shop)
	}
	for _, rule := range h.Classes {
		if err := rule.provision(ctx); err != nil {
			return fmt.Errorf("shop_visit %s: %w", h.Shop, err)
		}
	}
	for _, p := range h.Partners {
		if err := p.provision(ctx); err != nil {
			return fmt.Errorf("shop_visit %s: partner %s: %w", h.Shop, p.Name, err)
		}
	}
	h.app, h.hasher, h.counts = app, app.Hasher(), countsOf(h.Shop)
	h.joined = app.Join(h.Shop, "visit", h.withoutSecrets(), h.explain)
	h.joined.Contact = h.Contact
	h.joined.Spare(h.partnersFrom(), h.isPartner)
	return nil
}

// Validate refuses a shop without a usable name and partners who prove
// nothing.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_visit: %w", err)
	}
	names := make(map[string]bool)
	for _, p := range h.Partners {
		if names[p.Name] {
			return fmt.Errorf("shop_visit %s: partner %q stands twice", h.Shop, p.Name)
		}
		names[p.Name] = true
		if err := p.validate(); err != nil {
			return fmt.Errorf("shop_visit %s: partner %s: %w", h.Shop, p.Name, err)
		}
	}
	return nil
}

// passage is a visit and the writer that learns how it ends, in one
// allocation.
type passage struct {
	caddyhttp.ResponseWriterWrapper
	visit   shop.Visit
	request *http.Request
	wrote   bool
}

// WriteHeader notes the status; 1xx are only announcements, but 101 is final.
func (p *passage) WriteHeader(status int) {
	if !p.wrote && (status >= 200 || status == http.StatusSwitchingProtocols) {
		p.visit.Status, p.wrote = status, true
		p.dropBody()
	}
	p.ResponseWriter.WriteHeader(status)
}

// dropBody lets a refusal go out at once to a client that asks before it sends
// a body (Expect: 100-continue; RFC 9110, section 10.1.1). Otherwise net/http
// waits for the body, and the client for an answer.
func (p *passage) dropBody() {
	if p.visit.Outcome.Stage != "" && p.request.ProtoMajor == 1 && p.request.Header["Expect"] != nil {
		p.Header()["Connection"] = closing
	}
}

var closing = []string{"close"}

// ServeHTTP makes the visit, lets it pass unless the client is banned, and
// records how it ended.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	addr := shield.ClientAddr(r)
	p := &passage{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, request: r}
	v := &p.visit
	v.Start = time.Now()
	v.Status = http.StatusOK // what is sent if nobody says otherwise
	v.Shop = h.Shop
	v.Client = h.hasher.Client(v.Start, addr)
	v.Subnet = h.hasher.Subnet(v.Start, addr)
	v.Class = h.classOf(r)
	v.Partner = h.partner(r, addr)
	v.Trust = trustOf(r)
	alert := h.joined.Alert()
	v.Level, v.Since = alert.Level, alert.Since
	shield.SetVisit(r, v)
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	repl.Map(placeholders(v))

	if v.Partner != nil {
		h.app.Vouch(r, v, netkey.Key{})
	}
	if h.refuseBanned(p, r, v) {
		h.record(v, nil)
		return nil
	}

	err := next.ServeHTTP(p, r)
	p.dropBody() // the error routes answer
	if v.Outcome.Stage == "" {
		if latency, ok := repl.Get("http.reverse_proxy.upstream.latency"); ok {
			v.Backend, _ = latency.(time.Duration)
		}
	}
	h.record(v, err)
	return err
}

func (h *Handler) classOf(r *http.Request) shop.Class {
	for _, rule := range h.Classes {
		if match, err := rule.matches.AnyMatchWithError(r); match && err == nil {
			return rule.class
		}
	}
	return classOf(r)
}

// trustOf suspects what no browser does: each says what it is and what it
// takes.
func trustOf(r *http.Request) shop.Trust {
	if r.Header.Get("User-Agent") == "" || r.Header.Get("Accept") == "" && r.Header.Get("Upgrade") == "" {
		return shop.Suspicious
	}
	return shop.Unknown
}

func (h *Handler) partner(r *http.Request, addr netip.Addr) *shop.Partner {
	for _, p := range h.Partners {
		if p.proves(r, addr) {
			return &p.partner
		}
	}
	return nil
}

func (c *ClassRule) provision(ctx caddy.Context) error {
	class, err := shop.ParseClass(c.Class)
	if err != nil {
		return err
	}
	c.class = class
	loaded, err := ctx.LoadModule(c, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("class %s: loading the matchers: %w", c.Class, err)
	}
	return c.matches.FromInterface(loaded)
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ shield.Handler              = (*Handler)(nil)
)
