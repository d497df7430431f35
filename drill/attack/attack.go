// Package attack sends the waves of a drill: requests that look like those of
// browsers, from many loopback addresses, at a rate that does not wait for answers.
//
// vegeta sends them, paced by load.Ramp, through load.Clients: each source has one
// connection and at most one request in flight, and waits load.AnswerTimeout for an
// answer. What all of them may send at once is bounded by their number; what could
// not be sent is counted as missed and not sent later. Nothing leaves loopback: the
// only way to a shop is the dialer of the drill's world.
package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/solver"
)

// An Attack is one wave at one shop.
type Attack struct {
	wave    scenario.Wave
	host    string // the Host header
	base    string // URL that stands for the shop
	dial    load.Dial
	clients *load.Clients
	cookies []atomic.Pointer[string] // what each source carries
	solvers int                      // the first of them solve challenges
	wanted  chan int                 // sources that were challenged
	queued  []atomic.Bool
	seed    uint64
}

// New makes the attack of a wave at a shop, whose name is host.
func New(w scenario.Wave, host string, dial load.Dial, seed uint64) *Attack {
	a := &Attack{
		wave: w, host: host, base: "http://" + host, dial: dial, seed: seed,
		cookies: make([]atomic.Pointer[string], w.From), queued: make([]atomic.Bool, w.From),
		solvers: int(float64(w.Solve)*float64(w.From) + 0.5), wanted: make(chan int, w.From),
	}
	a.clients = load.NewClients(netip.AddrPort{}, load.FloodAddrs(w.From), a.check)
	a.clients.Dial = dial
	a.clients.Before = a.before
	return a
}

// before gives a request the cookies of its source.
func (a *Attack) before(client int, req *http.Request) {
	if cookie := a.cookies[client].Load(); cookie != nil {
		req.Header.Set("Cookie", *cookie)
	}
	if a.wave.Query == scenario.RandomQuery {
		query := req.URL.Query()
		query.Set("r", fmt.Sprintf("%08x", rand.Uint32()))
		req.URL.RawQuery = query.Encode()
	}
}

// check queues sources that solve and were challenged.
func (a *Attack) check(answer load.Answer) error {
	if answer.Client < a.solvers && answer.Header.Get(browser.ChallengeHeader) != "" && a.queued[answer.Client].CompareAndSwap(false, true) {
		a.wanted <- answer.Client // has room for each source once
	}
	return nil
}

// Prepare gives each source the stamp that it collected before the attack, if the wave
// has such stamps. A nil cookie is none.
func (a *Attack) Prepare(stamp func(shop string, from netip.Addr, agent string) (*http.Cookie, error)) error {
	if a.wave.Stamps != scenario.OldStamps {
		return nil
	}
	for i := range a.wave.From {
		c, err := stamp(a.shop(), load.FloodAddr(i), load.Chrome)
		if err != nil {
			return fmt.Errorf("preparing %s: %w", a.wave.Name, err)
		}
		if c != nil {
			a.keep(i, c)
		}
	}
	return nil
}

// keep adds a cookie to those of a source.
func (a *Attack) keep(client int, c *http.Cookie) {
	text := c.Name + "=" + c.Value
	if before := a.cookies[client].Load(); before != nil {
		text = *before + "; " + text
	}
	a.cookies[client].Store(&text)
}

// transport is a way to the shop from one source, for what is not the flood.
func (a *Attack) transport(client int) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return a.dial(ctx, load.FloodAddr(client))
		},
		DisableCompression: true, ResponseHeaderTimeout: load.AnswerTimeout,
	}
}

// Run sends the wave; it returns after its last answer. The recorder's begin is
// that of the drill.
func (a *Attack) Run(ctx context.Context, r *record.Recorder) {
	defer a.clients.Close()
	w := a.wave
	sent := r.Wave(record.Wave{Name: w.Name, Shop: a.shop(), Vector: string(w.Vector), At: w.At.D(), For: w.For.D(), From: w.From})
	ctx, stop := context.WithCancel(ctx)
	var solving sync.WaitGroup
	if a.solvers > 0 || w.Pass == scenario.StolenPass {
		solving.Go(func() { a.solve(ctx) })
	}
	ramp := &load.Ramp{From: float64(w.Rate.From), To: float64(w.Rate.To), Over: w.Rate.Over.D()}
	begun := time.Now()
	answered := 0
	ld := load.Load{Clients: a.clients, Targets: a.targets(), Workers: w.From, Pacer: ramp}
	ld.Send(ctx, w.For.D(), func(result *vegeta.Result) {
		if result.Code == 0 && load.IsBusy(result.Error) {
			return // no source was free to send it
		}
		answered++
		sent(result.Timestamp, OutcomeOf(int(result.Code), result.Headers))
	})
	lasted := min(time.Since(begun), w.For.D())
	stop()
	solving.Wait()
	due := int(ramp.Due(lasted))
	r.Missed(w.Name, a.shop(), w.At.D(), due, max(0, due-answered))
}

// shop is the shop's name, the first part of its host name.
func (a *Attack) shop() string { return ShopOf(a.host) }

// OutcomeOf reads an answer; status 0 is none.
func OutcomeOf(status int, header http.Header) record.Outcome {
	switch {
	case status == 0:
		return record.Unanswered
	case header.Get(browser.ChallengeHeader) != "":
		return record.Challenged
	case status == http.StatusTooManyRequests:
		return record.Limited
	case status == http.StatusForbidden:
		return record.Forbidden
	case status >= 500:
		return record.Failed
	}
	return record.Served
}

// solve earns a pass for each source that was challenged, one after the other, or
// one for all of them.
func (a *Attack) solve(ctx context.Context) {
	if a.wave.Pass == scenario.StolenPass {
		if pass := a.earn(ctx, 0); pass != nil {
			for i := range a.wave.From {
				a.keep(i, pass)
			}
		}
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case i := <-a.wanted:
			if pass := a.earn(ctx, i); pass != nil {
				a.cookies[i].Store(new(pass.Name + "=" + pass.Value))
			}
			a.queued[i].Store(false)
		}
	}
}

// earn gets a pass for a source; nil if there is none to be had now.
func (a *Attack) earn(ctx context.Context, client int) *http.Cookie {
	by := a.transport(client)
	defer by.CloseIdleConnections()
	token, err := solver.Ask(ctx, by, a.base, a.host, load.Chrome)
	if err != nil {
		return nil
	}
	pass, err := solver.Earn(ctx, by, a.base, a.host, http.Header{"User-Agent": {load.Chrome}}, token)
	if err != nil {
		return nil
	}
	return pass
}
