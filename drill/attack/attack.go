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
	"golang.org/x/sync/errgroup"

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

	// (optional) Age makes a cookie that was collected before the drill older.
	Age func(*http.Cookie) error
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

// Collect visits the shop before the drill, once from each source, and keeps the
// stamps. It does nothing for waves that need none.
func (a *Attack) Collect(ctx context.Context) error {
	if a.wave.Stamps != scenario.OldStamps {
		return nil
	}
	visits, ctx := errgroup.WithContext(ctx)
	visits.SetLimit(collectAtOnce)
	for i := range a.wave.From {
		visits.Go(func() error { return a.collect(ctx, i) })
	}
	if err := visits.Wait(); err != nil {
		return fmt.Errorf("collecting stamps for %s: %w", a.wave.Name, load.WithoutAddrs(err))
	}
	return nil
}

// collectAtOnce is how many sources visit the shop at the same time before the drill.
const collectAtOnce = 8

func (a *Attack) collect(ctx context.Context, client int) error {
	by := a.transport(client)
	defer by.CloseIdleConnections()
	resp, err := get(ctx, by, a.base+"/", a.host)
	if err != nil {
		return err
	}
	for _, c := range resp.Cookies() {
		if a.Age != nil {
			if err := a.Age(c); err != nil {
				return err
			}
		}
		a.keep(client, c)
	}
	return nil
}

func get(ctx context.Context, by http.RoundTripper, url, host string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header = load.Navigation(host, load.Chrome)
	req.Host = host
	resp, err := by.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
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
		sent(result.Timestamp, outcomeOf(result))
	})
	lasted := min(time.Since(begun), w.For.D())
	stop()
	solving.Wait()
	due := int(ramp.Due(lasted))
	r.Missed(w.Name, a.shop(), w.At.D(), due, max(0, due-answered))
}

// shop is the shop's name, the first part of its host name.
func (a *Attack) shop() string { return ShopOf(a.host) }

// outcomeOf reads an answer.
func outcomeOf(r *vegeta.Result) record.Outcome {
	switch {
	case r.Code == 0:
		return record.Unanswered
	case r.Headers.Get(browser.ChallengeHeader) != "":
		return record.Challenged
	case r.Code == http.StatusTooManyRequests:
		return record.Limited
	case r.Code == http.StatusForbidden:
		return record.Forbidden
	case r.Code >= 500:
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
