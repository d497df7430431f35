package challenge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

// stage is this stage on its own, by a clock that the test sets.
type stage struct {
	*Handler
	t     *testing.T
	now   time.Time
	since time.Time // when the attack began
	level shop.Level
	class shop.Class
	next  http.HandlerFunc
}

// theApp has the keys; the counters of each stage are its own.
var theApp = sync.OnceValues(func() (*shield.App, error) {
	ctx, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		return nil, err
	}
	return shield.AppOf(ctx)
})

// thePages are rendered once: that takes longer than all else.
var thePages = &pages{contact: func() shop.Contact { return shop.Contact{Name: "Löwen"} }}

// openStage opens it at noon, at the level Attack, which has held for an hour.
func openStage(t *testing.T) *stage {
	t.Helper()
	app, err := theApp()
	if err != nil {
		t.Fatal(err)
	}
	store := counters.NewMemory(4 << 20)
	t.Cleanup(func() { store.Close() })
	registering.Lock()
	joined := app.Register(shop.ID("stage-"+strconv.Itoa(len(app.Shops()))), "challenge", nil, nil)
	registering.Unlock()
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour)
	s := &stage{
		Handler: &Handler{
			Shop: "loewen", From: shop.Raised, app: app, store: store, keys: app.Keys, series: seriesOf("loewen"), log: caddy.Log(),
			pages: thePages, joined: joined, tally: tally.New(noon),
		},
		t: t, now: noon, since: noon.Add(-time.Hour), level: shop.Attack, class: shop.Page, next: func(http.ResponseWriter, *http.Request) {},
	}
	joined.OnVouch(s.knows)
	s.allowances = sync.OnceValue(func() *strangers { return strangersOf(joined.Table()) })
	return s
}

var registering sync.Mutex

// visit returns a visit from an address.
func (s *stage) visit(from string) *shop.Visit {
	s.t.Helper()
	addr, hasher := netip.MustParseAddr(from), s.app.Hasher()
	return &shop.Visit{
		Shop: s.Shop, Client: hasher.Client(s.now, addr), Subnet: hasher.Subnet(s.now, addr), Site: hasher.Site(s.now, addr),
		Class: s.class, Trust: shop.Unknown, Level: s.level, Since: s.since, Start: s.now, Status: http.StatusOK,
	}
}

// request is a browser's request for a page, with these cookies.
func request(cookies ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://loewen.example/product/1", nil)
	r.Header = http.Header{"User-Agent": {"a browser"}, "Accept": {"text/html"}, "Cookie": cookies}
	return r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, make(map[string]any)))
}

// asks sends a request, and returns whether it reached the shop and what a browser keeps.
func (s *stage) asks(from string, cookies ...string) (reached bool, kept []*http.Cookie) {
	s.t.Helper()
	r, v, w := request(cookies...), s.visit(from), httptest.NewRecorder()
	chain.SetVisit(r, v)
	if err := s.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		reached = true
		s.next(w, r)
		return nil
	})); err != nil && reached {
		s.t.Fatal(err)
	}
	return reached, w.Result().Cookies()
}

// passes reports whether a request reaches the shop.
func (s *stage) passes(from string, cookies ...string) bool {
	s.t.Helper()
	reached, _ := s.asks(from, cookies...)
	return reached
}

// admitted is how many of n requests reach the shop.
func (s *stage) admitted(n int, from string, cookies ...string) (reached int) {
	s.t.Helper()
	for range n {
		if s.passes(from, cookies...) {
			reached++
		}
	}
	return reached
}

// pass is a cookie that was earned for work, now, at a level.
func (s *stage) pass(from string, level shop.Level) string {
	s.t.Helper()
	p := pow.Pass{
		Kind: pow.Work, Level: uint8(level), Issued: s.now, Expires: s.now.Add(prices[level].lasts),
		Net: subnetOf(s.visit(from)), Binding: s.binding(request()),
	}
	return passCookie + "=" + string(s.keys().AppendPass(nil, &p, s.now))
}

// stampFrom is the time stamp that a visitor gets at level 0, or "".
func (s *stage) stampFrom(from string, cookies ...string) string {
	s.t.Helper()
	level := s.level
	s.level = shop.Calm
	defer func() { s.level = level }()
	_, kept := s.asks(from, cookies...)
	for _, c := range kept {
		if c.Name == stampCookie {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}
