// Package visit is the first stage of the path. It identifies the client, the shop and
// the class of a request, and records on the way back how the request ended.
//
// It refuses banned clients, in every chain that has a shop, and no others. It
// keeps no address but those of alleged crawlers, in memory. Clients whose
// address cannot be read are counted together, and never banned.
package visit

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/life"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler creates the visit that all later stages read, from Caddy's client_ip, the
// method, the path and the headers.
type Handler struct {
	// The shop's ID, of a-z, 0-9 and '-', for metrics, logs and keys of the store.
	Shop shop.ID `json:"shop"`

	// How a refused customer can reach the shop.
	Contact shop.Contact `json:"contact,omitzero"`

	// The shop's own rules for the class of a request. The first match wins; if none
	// matches, the preset decides.
	Classes []*ClassRule `json:"classes,omitempty"`

	// What the levels do at this shop, where that differs from the shield's `levels`.
	Levels shield.Levels `json:"levels,omitempty"`

	// How edges watch this shop for attacks, where that differs from the shield's `watch`.
	Watch shield.Watch `json:"watch,omitzero"`

	// Known machines that the shop depends on. The first whose proofs a request gives
	// wins.
	Partners []*Partner `json:"partners,omitempty"`

	app    *shield.App
	joined *shield.Shop
	tally  *tally.Tally
	counts *counts
}

// ClassRule assigns a class to the requests that it matches.
type ClassRule struct {
	// The class: callback, checkout, cart, account, page, search, api, asset, socket or public.
	Class string `json:"class"`

	// Which requests have this class.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match" caddy:"namespace=http.matchers"`

	class   shop.Class
	matches caddyhttp.MatcherSets
}

// CaddyModule returns the module's ID and constructor.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.shop_visit", New: func() caddy.Module { return new(Handler) }}
}

// Provision registers the shop with the app.
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
		if err := p.provision(ctx, app, h.Shop); err != nil {
			return fmt.Errorf("shop_visit %s: partner %s: %w", h.Shop, p.Name, err)
		}
		p.crawler.agreed = app.Time
	}
	h.app, h.counts = app, countsOf(h.Shop)
	h.joined = app.Register(h.Shop, "visit", h.withoutSecrets(), h.explain)
	h.joined.Contact, h.tally = h.Contact, h.joined.Tally
	if err := h.joined.SetLevels(h.Levels); err != nil {
		return fmt.Errorf("shop_visit %s: %w", h.Shop, err)
	}
	if err := h.joined.SetWatch(h.Watch); err != nil {
		return fmt.Errorf("shop_visit %s: %w", h.Shop, err)
	}
	h.joined.NeverBan(h.partnerPrefixes(), h.isPartner)
	return nil
}

// Validate refuses an invalid shop ID, duplicate partners, and partners without proof.
func (h *Handler) Validate() error {
	if _, err := shop.ParseID(string(h.Shop)); err != nil {
		return fmt.Errorf("shop_visit: %w", err)
	}
	names := make(map[string]bool)
	for _, p := range h.Partners {
		if names[p.Name] {
			return fmt.Errorf("shop_visit %s: duplicate partner %q", h.Shop, p.Name)
		}
		names[p.Name] = true
		if err := p.validate(); err != nil {
			return fmt.Errorf("shop_visit %s: partner %s: %w", h.Shop, p.Name, err)
		}
	}
	return nil
}

// recorder is a visit and the response writer that records its status, in one
// allocation.
type recorder struct {
	caddyhttp.ResponseWriterWrapper
	handler *Handler
	visit   shop.Visit
	request *http.Request
	place   place
	wrote   bool
	parts   int // of the body that were written
}

// WriteHeader records the final status. 1xx statuses are informational, except 101.
func (rec *recorder) WriteHeader(status int) {
	if !rec.wrote && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.visit.Status, rec.wrote = status, true
		rec.answer(status)
		rec.closeUnread()
		rec.closeDraining(status)
		rec.learn()
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body. One part is sent at once; of more the tally is told.
func (rec *recorder) Write(part []byte) (int, error) {
	if rec.parts++; rec.parts == 2 {
		rec.handler.tally.Send(&rec.visit)
	}
	return rec.ResponseWriter.Write(part)
}

// ReadFrom sends a body that has many parts.
func (rec *recorder) ReadFrom(body io.Reader) (int64, error) {
	rec.handler.tally.Send(&rec.visit)
	return rec.ResponseWriterWrapper.ReadFrom(body)
}

// FlushError sends what there is, since the rest takes longer.
func (rec *recorder) FlushError() error {
	rec.handler.tally.Send(&rec.visit)
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// closeUnread closes the connection after a refusal to a client that waits before it
// sends its body (Expect: 100-continue; RFC 9110, section 10.1.1). Otherwise net/http
// would wait for the body, and the client for the response.
func (rec *recorder) closeUnread() {
	if rec.visit.Outcome.Stage != "" && rec.request.ProtoMajor == 1 && rec.request.Header["Expect"] != nil {
		rec.Header()["Connection"] = closing
	}
}

// closeDraining closes the connection after this response while the edge is draining, so
// that the client's next request opens one to another edge, or to this one after its
// restart. Otherwise a request could cross the end of an idle connection, and a client
// cannot know whether it was carried out. Over HTTP/2 net/http makes a GOAWAY of it;
// HTTP/3 has no such header.
func (rec *recorder) closeDraining(status int) {
	if life.Draining() && rec.request.ProtoMajor < 3 && status != http.StatusSwitchingProtocols {
		rec.Header()["Connection"] = closing
	}
}

var closing = []string{"close"}

// ServeHTTP creates the visit, passes the request on unless the client is banned, and
// records how the visit ended.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	addr := clientip.Of(r)
	rec := &recorder{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, handler: h, request: r}
	v := &rec.visit
	v.Start = time.Now()
	v.Status = http.StatusOK // what net/http sends by default
	v.Shop = h.Shop
	hasher := h.app.Hasher()
	v.Client = hasher.Client(v.Start, addr)
	v.Subnet = hasher.Subnet(v.Start, addr)
	v.Site = hasher.Site(v.Start, addr)
	v.Class, rec.place = h.classOf(r, v.Start)
	v.Partner = h.partnerOf(r, addr)
	v.Trust = trustOf(r, v.Class)
	level := h.joined.Level()
	v.Level, v.Since = level.Level, level.Since
	chain.SetVisit(r, v)
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	repl.Map(placeholders(v))

	h.tally.Arrive(v, h.isOwn(r))
	defer h.tally.Leave(v)
	if v.Partner != nil {
		h.app.ProtectSubnet(r, v, netkey.Key{})
	}
	if h.refuseBanned(rec, r, v) {
		rec.record(nil)
		return nil
	}

	err := next.ServeHTTP(rec, r)
	rec.closeUnread() // the error routes answer
	rec.record(err)
	return err
}

// isOwn reports whether the challenge serves a request itself.
func (h *Handler) isOwn(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, chain.OwnPaths) && h.joined.Stages()["challenge"] != nil
}

// classOf returns the class by the shop's own rules, by what it has served from this place
// before, or by the preset, and the place if there is something to learn of it.
func (h *Handler) classOf(r *http.Request, now time.Time) (shop.Class, place) {
	for _, rule := range h.Classes {
		if match, err := rule.matches.AnyMatchWithError(r); match && err == nil {
			return rule.class, place{}
		}
	}
	if chain.IsExtendedConnect(r) {
		return shop.Socket, place{}
	}
	class := classOf(r)
	switch class {
	case shop.Socket, shop.Public, shop.Callback:
		return class, place{}
	}
	p := h.placeOf(r, now)
	if p.assets {
		return shop.Asset, p
	}
	return class, p
}

// trustOf returns Suspicious for a request without User-Agent or Accept: every browser
// sends both, except that it opens WebSockets without Accept. Machines need not.
func trustOf(r *http.Request, class shop.Class) shop.Trust {
	if class == shop.Callback || class == shop.Public {
		return shop.Unknown
	}
	if r.Header.Get("User-Agent") == "" || r.Header.Get("Accept") == "" && r.Header.Get("Upgrade") == "" && !chain.IsExtendedConnect(r) {
		return shop.Suspicious
	}
	return shop.Unknown
}

// partnerOf returns the partner that the request proves to come from. An address that the
// client itself may have chosen proves nothing.
func (h *Handler) partnerOf(r *http.Request, addr netip.Addr) *shop.Partner {
	if len(h.Partners) > 0 && clientip.IsClaimed(r, addr) {
		addr = netip.Addr{}
	}
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
		return fmt.Errorf("class %s: loading matchers: %w", c.Class, err)
	}
	return c.matches.FromInterface(loaded)
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ chain.Handler               = (*Handler)(nil)
)
