// Package demoshop is a small but complete pharmacy web shop, made to be attacked:
// catalogue, search, cart, account, checkout, payment callback, prescription
// upload, an API for merchandise management and an e-prescription WebSocket.
//
// It takes the place of a customer's shop behind the edge, and costs what such a shop
// costs: each dynamic page burns CPU time and occupies one of a few workers from before
// its body is read until its response is written. Customer walks through it as a person
// with a browser does.
//
// Everything is kept in bounded memory; the oldest is forgotten first. When all workers
// are busy and the queue is full it answers 503, and counts what that cost. Truth is an
// exact record of what reached the shop and what became of each order, so that a test
// can prove that none was lost and none was doubled.
package demoshop

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"
)

// A Shop serves one pharmacy. Make one with New.
type Shop struct {
	config   Config
	version  string // of all static files together
	assets   map[string]asset
	mux      *http.ServeMux
	workers  *workers
	tally    tally
	carts    *carts
	sessions *sessions
	book     *book
	refusal  []byte // the page when there is no free worker

	sockets     chan struct{}
	closed      context.Context
	closeSocket context.CancelFunc
}

// New returns a shop that is open for business.
func New(c Config) (*Shop, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	s := &Shop{
		config:   c,
		mux:      http.NewServeMux(),
		workers:  newWorkers(c.Concurrency, c.Queue, c.Patience),
		carts:    newCarts(),
		sessions: newSessions(),
		book:     newBook(c.Slug),
		sockets:  make(chan struct{}, c.Sockets),
	}
	s.closed, s.closeSocket = context.WithCancel(context.Background())
	var err error
	if s.assets, s.version, err = makeAssets(c); err != nil {
		return nil, err
	}
	if s.refusal, err = makeRefusal(c); err != nil {
		return nil, err
	}
	if c.PageCost > 0 {
		hashesPerSecond() // measured now, not on the first customer's time
	}
	s.routes()
	return s, nil
}

// Close ends all open socket sessions.
func (s *Shop) Close() { s.closeSocket() }

func (s *Shop) routes() {
	for pattern, serve := range map[string]http.HandlerFunc{
		"GET /{$}":                 s.home,
		"GET /product/{id}":        s.product,
		"GET /search":              s.search,
		"GET /cart":                s.showCart,
		"POST /cart":               s.changeCart,
		"GET /account":             s.account,
		"GET /account/login":       s.loginForm,
		"POST /account/login":      s.login,
		"POST /account/logout":     s.logout,
		"GET /checkout":            s.checkoutForm,
		"POST /checkout":           s.checkout,
		"GET /checkout/done":       s.done,
		"POST /payment/callback":   s.callback,
		"GET /prescription":        s.prescriptionForm,
		"POST /prescription":       s.prescription,
		"GET /api/products":        s.apiProducts,
		"GET /api/orders":          s.apiOrders,
		"POST /api/orders":         s.apiPlace,
		"PATCH /api/orders/{no}":   s.apiShip,
		"GET /cardlink":            s.cardlink,
		"GET /static/{file...}":    s.static,
		"GET /favicon.ico":         s.favicon,
		"GET /healthz":             s.healthz,
		"GET /":                    s.notFound,
		"GET /account/{rest...}":   s.notFound,
		"GET /checkout/{rest...}":  s.notFound,
		"GET /api/{rest...}":       s.apiNotFound,
		"GET /payment/{rest...}":   s.notFound,
		"GET /product/{$}":         s.notFound,
		"GET /product/{id}/{rest}": s.notFound,
	} {
		s.mux.HandleFunc(pattern, serve)
	}
}

// ServeHTTP counts the request, waits for a worker if it needs one, burns the page's
// CPU time, and only then reads the request's body.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_truth" && direct(r) {
		s.serveTruth(w, r)
		return
	}
	k := kindOf(r.URL.Path)
	s.tally.arrived(k)
	a := &answer{ResponseWriter: w, tally: &s.tally}
	defer a.finish()

	if k.dynamic() {
		if why := s.workers.take(r.Context()); why != served {
			s.shed(a, r, k, why)
			return
		}
		defer s.workers.give()
		begun := time.Now()
		burn(s.config.PageCost)
		time.Sleep(s.config.PageTime - time.Since(begun))
	}
	s.mux.ServeHTTP(a, r)
}

// shed turns a visitor away without having read the body. The connection is
// closed if a body is on its way: waiting for it would be work.
func (s *Shop) shed(a *answer, r *http.Request, k kind, why waitEnd) {
	s.tally.refused(why)
	s.noteLoss(r)
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		a.Header().Set("Connection", "close")
	}
	a.Header().Set("Retry-After", "5")
	a.Header().Set("Cache-Control", "no-store")
	if k == kindAPI || k == kindCallback {
		writeJSON(a, http.StatusServiceUnavailable, problem{"overloaded"})
		return
	}
	a.Header().Set("Content-Type", "text/html; charset=utf-8")
	a.Header().Set("Content-Length", strconv.Itoa(len(s.refusal)))
	a.WriteHeader(http.StatusServiceUnavailable)
	a.Write(s.refusal)
}

// makeRefusal renders the page for overload once, so that it costs nothing.
func makeRefusal(c Config) ([]byte, error) {
	var b bytes.Buffer
	err := pages["refusal.html"].ExecuteTemplate(&b, "refusal.html", c)
	return b.Bytes(), err
}

func (s *Shop) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}
