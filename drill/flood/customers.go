package flood

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/orders"
	"github.com/theriac-edge/theriac/hint"
)

// Customers walk through a shop and buy, again and again, for as long as the
// flood lasts. Each has an address of its own, outside of the flood's.
type Customers struct {
	Base, Host string // base URL, and the Host to request; an empty Base: no customers
	Truth      string // URL of the shop's own counts; empty: they are not read
	Shoppers   int    // how many at the same time
	Pause      time.Duration
	P99        time.Duration // upper bound of the p99 latency

	target   netip.AddrPort
	accounts *orders.Truth // nil: none given
}

// check validates the customers.
func (c *Customers) check() (err error) {
	if c.Base == "" {
		if c.Truth != "" {
			return hint.Errorf("--customers http://127.0.0.1:8080", "reading --truth %q: without customers there are no orders to look for", c.Truth)
		}
		return nil
	}
	u, target, err := load.Loopback("customers", c.Base)
	if err != nil {
		return err
	}
	c.target, c.Base, c.Host = target, "http://"+target.String(), cmp.Or(c.Host, u.Host)
	if c.Truth != "" {
		c.accounts, err = orders.Open(c.Truth)
	}
	return err
}

// start starts the customers. They stop when shopping.end is called, or at once
// when ctx is done.
func (c *Customers) start(ctx context.Context) (*shopping, error) {
	s := &shopping{Customers: c, ctx: ctx, closing: make(chan struct{}), sent: make(map[string]demoshop.Trip), failures: make(map[string]int)}
	if c.Base == "" {
		return s, nil
	}
	if c.accounts != nil {
		t, err := c.accounts.Counts(ctx)
		if err != nil {
			return nil, err
		}
		s.lostBefore = t.Orders.Lost
	}
	// Orders of this drill can be told from those of an earlier one.
	s.name = fmt.Sprintf("drill-%08x", rand.Uint32())
	for i := range c.Shoppers {
		s.all.Go(func() { s.shop(i) })
	}
	return s, nil
}

// shop is the visit of one shopper: order after order.
func (s *shopping) shop(i int) {
	t := &tab{answered: s.saw, solved: s.solved, pause: s.Pause}
	dialer := net.Dialer{Timeout: load.AnswerTimeout}
	if s.target.Addr().Is4() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(load.CustomerAddr(i), 0))
	}
	t.transport = &http.Transport{
		// Wherever a page redirects the customer, no connection leaves loopback.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", s.target.String())
		},
		MaxIdleConnsPerHost: 2,
	}
	defer t.transport.CloseIdleConnections()
	if !s.sleep(time.Duration(i) * s.Pause / time.Duration(s.Shoppers)) { // not all at the same moment
		return
	}
	for n := 0; !s.isClosing(); n++ {
		c := demoshop.Customer{
			Base: s.Base, Host: s.Host, Client: &http.Client{Transport: t, Timeout: s.Pause + 2*load.AnswerTimeout},
			Header:   http.Header{"Accept-Language": {"de"}, "User-Agent": {"theriac-drill customer"}, "Sec-Fetch-Mode": {"navigate"}},
			Password: demoshop.DemoPassword, Reference: fmt.Sprintf("%s-%d-%d", s.name, i, n),
		}
		trip, err := c.Buy(s.ctx)
		if s.ctx.Err() != nil {
			return // interrupted, which is not the fault of the shop
		}
		s.finished(c.Reference, trip, err)
		if !s.sleep(s.Pause) {
			return
		}
	}
}

// shopping is what the customers of one drill do and see.
type shopping struct {
	*Customers
	ctx        context.Context
	name       string // all references of this drill begin with it
	lostBefore int64  // by earlier visitors of the shop
	all        sync.WaitGroup
	closing    chan struct{}

	mu       sync.Mutex
	took     []time.Duration          // each request
	worked   []time.Duration          // each challenge, including the request with its solution
	sent     map[string]demoshop.Trip // orders that were submitted, by reference
	failures map[string]int
}

func (s *shopping) saw(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, d)
}

func (s *shopping) solved(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worked = append(s.worked, d)
}

// finished records the result of one trip.
func (s *shopping) finished(reference string, trip demoshop.Trip, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if trip.Draft != "" {
		s.sent[reference] = trip
	}
	if err == nil {
		return
	}
	where := "before the first page"
	if n := len(trip.Steps); n > 0 {
		where = fmt.Sprintf("at %s (%d)", trip.Steps[n-1].Name, trip.Steps[n-1].Status)
	}
	_, why, _ := strings.Cut(err.Error(), ": ") // without the walk's base
	s.failures[where+": "+why]++
}

func (s *shopping) isClosing() bool {
	select {
	case <-s.closing:
		return true
	case <-s.ctx.Done():
		return true
	default:
		return false
	}
}

// sleep reports whether the shop is still open after d.
func (s *shopping) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.closing:
		return false
	case <-s.ctx.Done():
		return false
	}
}
