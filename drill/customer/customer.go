// Package customer is the customers of a drill: they arrive when the schedule says,
// look at pages with their pictures, keep cookies, solve challenges, and buy.
//
// Arrivals are a Poisson process that waits for nobody, so a slow shop does not get
// fewer customers. The first page of a visit is due when the schedule says, whether
// the generator is late or not; every other page is due when the customer has
// thought long enough. Time is measured from there, challenges included. A customer
// tries a page three times, as people reload, and then leaves. The number of customers
// at the same time is bounded; those beyond it are counted as turned away, for which
// the generator is to blame and not its target.
package customer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/orders"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// Customers are those of one run.
type Customers struct {
	Settings scenario.Customers
	Visits   []scenario.Visit // in order of At
	Begin    time.Time
	Record   *record.Recorder

	// (optional) From then on customers think a tenth as long: nothing is measured
	// any more, and only their orders are waited for.
	End time.Time

	// The host name of a shop, and the way to it.
	Host func(shop string) string
	Dial func(shop string) load.Dial

	// Secure means that the way is one of TLS.
	Secure bool

	// What all references of orders begin with.
	Name string

	// (optional) Stamp is the cookie that a known customer has from an earlier visit;
	// nil: none.
	Stamp func(shop string, from netip.Addr, agent string) (*http.Cookie, error)

	// (optional) The name of that cookie, which customers do not keep that keep no stamps.
	StampName string

	solving chan struct{}

	mu   sync.Mutex
	sent map[string]map[string]demoshop.Trip // submitted orders by shop and reference
}

// atOnce is how many customers there are at the same time.
const atOnce = load.MaxShoppers

// jar is the cookies of a customer: those of an earlier visit, or none.
func (c *Customers) jar(v *scenario.Visit) (http.CookieJar, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	if !v.Stamps {
		return forgetful{jar, c.StampName}, nil
	}
	if !v.Known || c.Stamp == nil {
		return jar, nil
	}
	stamp, err := c.Stamp(v.Shop, load.CustomerAddr(v.Address), load.Chrome)
	if err == nil && stamp != nil {
		jar.SetCookies(&url.URL{Scheme: "http", Host: c.Host(v.Shop), Path: "/"}, []*http.Cookie{stamp})
	}
	return jar, err
}

func (c *Customers) scheme() string {
	if c.Secure {
		return "https://"
	}
	return "http://"
}

// Run has the customers come and go, until the last one has left or ctx is done. It
// returns how many were turned away.
func (c *Customers) Run(ctx context.Context) (turnedAway int) {
	c.sent = make(map[string]map[string]demoshop.Trip)
	c.solving = make(chan struct{}, 1)
	var all sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i, v := range c.Visits {
		select {
		case <-time.After(time.Until(c.Begin.Add(v.At))):
		case <-ctx.Done():
			all.Wait()
			return turnedAway
		}
		select {
		case room <- struct{}{}:
			all.Go(func() {
				c.visit(ctx, i)
				<-room
			})
		default:
			turnedAway++
		}
	}
	all.Wait()
	return turnedAway
}

// visit is that of one customer.
func (c *Customers) visit(ctx context.Context, i int) {
	v := c.Visits[i]
	t := &tab{
		shop: v.Shop, base: c.scheme() + c.Host(v.Shop), record: c.Record, script: v.Script, pictures: v.Pictures,
		think: c.Settings.Think.D(), random: rand.New(rand.NewPCG(v.Seed, 0)), due: c.Begin.Add(v.At),
		address: v.Address, cached: make(map[string]bool), end: c.End, solving: c.solving,
	}
	if v.Phone {
		t.changeTo = (v.Address + c.Settings.Addresses/2) % c.Settings.Addresses
		t.changeAfter = 2
	}
	t.transport = transport(c.Dial(v.Shop), func() int { return int(t.from.Load()) })
	t.from.Store(int64(v.Address))
	defer t.transport.CloseIdleConnections()
	jar, err := c.jar(&v)
	if err != nil {
		c.Record.Visit(v.Shop, record.Visit{Known: v.Known, Buys: v.Buys, BrokenOff: "no stamp: " + err.Error()})
		return
	}
	t.jar = jar
	person := demoshop.Customer{
		Base: t.base, Client: &http.Client{Transport: t, Jar: jar}, Header: header(),
		Reference: fmt.Sprintf("%s-%d", c.Name, i),
	}
	walk := person.Browse
	if v.Buys {
		walk = person.Buy
	}
	trip, err := walk(ctx)
	end := record.Visit{Known: v.Known, Challenged: t.challenged, ChallengedAt: t.challengedAt, Buys: v.Buys, Submitted: t.submitted}
	switch {
	case ctx.Err() != nil:
		end.BrokenOff = "the drill ended"
	case err != nil:
		end.BrokenOff = whereOf(trip, err)
	}
	c.Record.Visit(v.Shop, end)
	if t.submitted && ctx.Err() == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.sent[v.Shop] == nil {
			c.sent[v.Shop] = make(map[string]demoshop.Trip)
		}
		c.sent[v.Shop][person.Reference] = trip
	}
}

// whereOf says where a visit broke off and why, in few words so that equal ends are
// counted together.
func whereOf(trip demoshop.Trip, err error) string {
	where := "at the first page"
	if n := len(trip.Steps); n > 0 {
		where = trip.Steps[n-1].Name
		if status := trip.Steps[n-1].Status; status != 0 {
			return fmt.Sprintf("%s: status %d", where, status)
		}
	}
	if failed, ok := err.(*url.Error); ok {
		err = failed.Err
	}
	text := load.WithoutAddrs(err).Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return where + ": " + text
}

// Orders compares the orders that customers submitted with those that a shop has.
func (c *Customers) Orders(ctx context.Context, shop string, truth *orders.Truth) error {
	has, err := truth.Orders(ctx, c.Name+"-")
	if err != nil {
		return err
	}
	placed, lost, doubled := 0, 0, 0
	for reference, trip := range c.sent[shop] {
		switch numbers := has[reference]; {
		case len(numbers) > 1:
			doubled++
		case len(numbers) == 1 && (trip.Order == "" || trip.Order == numbers[0]):
			placed++
		default:
			lost++
		}
	}
	c.Record.Orders(shop, placed, lost, doubled)
	return nil
}
