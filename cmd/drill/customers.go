package main

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

	"github.com/theriac-edge/theriac/hint"

	"github.com/theriac-edge/theriac/demoshop"
)

// customers walk through a shop and buy, again and again, as long as the flood
// lasts. Each has an address of its own, away from the flood's.
type customers struct {
	base, host string
	truth      string
	shoppers   int
	pause      time.Duration
	p99        time.Duration

	target netip.AddrPort
	asks   *truth // nil if there is nobody to ask
}

// check reads the flags.
func (c *customers) check() (err error) {
	if c.base == "" {
		if c.truth != "" {
			return hint.Errorf("--customers http://127.0.0.1:8080", "reading --truth %q: there are no customers whose orders to look for", c.truth)
		}
		return nil
	}
	u, target, err := loopback("customers", c.base)
	if err != nil {
		return err
	}
	c.target, c.base, c.host = target, "http://"+target.String(), cmp.Or(c.host, u.Host)
	if c.truth != "" {
		c.asks, err = newTruth(c.truth)
	}
	return err
}

// shopperAddr is the address of the i-th shopper, outside of the flood's.
func shopperAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, byte(128 + i>>8), byte(i), 1})
}

// start lets the customers in. They leave when shopping.end is called, or at
// once when ctx is done.
func (c *customers) start(ctx context.Context) (*shopping, error) {
	s := &shopping{customers: c, ctx: ctx, closing: make(chan struct{}), sent: make(map[string]demoshop.Trip), failures: make(map[string]int)}
	if c.base == "" {
		return s, nil
	}
	if c.asks != nil {
		t, err := c.asks.counts(ctx)
		if err != nil {
			return nil, err
		}
		s.lostBefore = t.Orders.Lost
	}
	// Orders of this drill can be told from those of an earlier one.
	s.name = fmt.Sprintf("drill-%08x", rand.Uint32())
	for i := range c.shoppers {
		s.all.Go(func() { s.shop(i) })
	}
	return s, nil
}

// shop is the visit of one shopper: order after order.
func (s *shopping) shop(i int) {
	t := &tab{seen: s.saw, solved: s.solved, pause: s.pause}
	dialer := net.Dialer{Timeout: answerTimeout}
	if s.target.Addr().Is4() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(shopperAddr(i), 0))
	}
	t.transport = &http.Transport{
		// Wherever a page sends the customer, no connection leaves loopback.
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", s.target.String())
		},
		MaxIdleConnsPerHost: 2,
	}
	defer t.transport.CloseIdleConnections()
	if !s.sleep(time.Duration(i) * s.pause / time.Duration(s.shoppers)) { // not all at the same moment
		return
	}
	for n := 0; !s.isClosing(); n++ {
		c := demoshop.Customer{
			Base: s.base, Host: s.host, Client: &http.Client{Transport: t, Timeout: s.pause + 2*answerTimeout},
			Header:   http.Header{"Accept-Language": {"de"}, "User-Agent": {"theriac-drill customer"}, "Sec-Fetch-Mode": {"navigate"}},
			Password: demoshop.DemoPassword, Reference: fmt.Sprintf("%s-%d-%d", s.name, i, n),
		}
		trip, err := c.Buy(s.ctx)
		if s.ctx.Err() != nil {
			return // interrupted; says nothing about the shop
		}
		s.wentHome(c.Reference, trip, err)
		if !s.sleep(s.pause) {
			return
		}
	}
}

// shopping is what the customers of one drill do and see.
type shopping struct {
	*customers
	ctx        context.Context
	name       string // all references of this drill begin with it
	lostBefore int64  // by earlier visitors of the shop
	all        sync.WaitGroup
	closing    chan struct{}

	mu       sync.Mutex
	took     []time.Duration          // each request
	worked   []time.Duration          // each challenge, with handing in its solution
	sent     map[string]demoshop.Trip // orders that were sent off, by reference
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

// wentHome notes what came of one trip.
func (s *shopping) wentHome(reference string, trip demoshop.Trip, err error) {
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
