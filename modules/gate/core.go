package gate

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// core is what the gates for TCP and for QUIC decide with.
type core struct {
	state        *state
	banOf        func(netip.Addr, time.Time) (netkey.Key, bool)
	countRefused func(netkey.Key) // because of that ban
	counters     *layer4.Counters
	neverRefused func(netip.Addr) bool
	reference    func(time.Time, netip.Addr) string // in the log; operators can compare it
	proxies      proxies
	rates        [scopes]counters.Limit
	share        func(time.Time) shop.Percent // what is left of the rates
	reduced      atomic.Pointer[reducedRates] // by the last share below 100 %
	passed       []passedSocket               // on which the server listens
	log          *zap.Logger
	logRate      rate.Sometimes
}

// scopes is how many prefixes a connection counts for: that of its client (an IPv4
// address or a /64) and its subnet (/24 or /48).
const scopes = 2

// reducedRates are the rates while a shop of this edge is heavily attacked.
type reducedRates struct {
	share shop.Percent
	rates [scopes]counters.Limit
}

// ratesAt returns the rates in force. The bursts are reduced as well.
func (c *core) ratesAt(now time.Time) *[scopes]counters.Limit {
	share := c.share(now)
	if share >= 100 {
		return &c.rates
	}
	if known := c.reduced.Load(); known != nil && known.share == share {
		return &known.rates
	}
	made := &reducedRates{share: share}
	for i := range made.rates {
		made.rates[i].Interval = c.rates[i].Interval * 100 / time.Duration(max(1, share))
		made.rates[i].Burst = share.Of(c.rates[i].Burst)
	}
	c.reduced.Store(made)
	return &made.rates
}

// open finds the shield and the state.
func (c *core) open(ctx caddy.Context, server *caddyhttp.Server, r *Rules, client, subnet *Pace) error {
	app, err := shield.AppOf(ctx, connectionsTotal, lateTotal, datagramsTotal)
	if err != nil {
		return fmt.Errorf("shop_gate: %w", err)
	}
	allowed := clientip.Table(r.Allow)
	if server != nil && !r.Shadow {
		app.SetGated(server)
	}
	c.banOf, c.countRefused, c.share = app.BanOf, app.CountRefused, app.GateShare
	c.neverRefused = func(peer netip.Addr) bool { return allowed.Contains(peer) || app.IsExempt(peer) }
	c.reference = func(now time.Time, peer netip.Addr) string { return app.Hasher().Client(now, peer).Reference() }
	c.proxies.server, c.counters = server, &layer4.Process
	c.log, c.logRate = ctx.Logger(), rate.Sometimes{Interval: time.Second}
	if server != nil {
		c.passed = usePassed(server, passedSockets())
		for _, s := range c.passed {
			listened.Store(s, true)
			c.log.Info("listening on a socket that the service manager passed", zap.Stringer("socket", s), zap.Stringer("at", s.at))
		}
	}
	client.setLimit(&c.rates[0])
	subnet.setLimit(&c.rates[1])
	found, _, err := states.LoadOrNew(stateKey, newState)
	if err != nil {
		return fmt.Errorf("shop_gate: %w", err)
	}
	c.state = found.(*state)
	return metric.Register(ctx.GetMetricsRegistry(), c.state)
}

// onStarted calls a gate's Handle when the configuration has started.
func onStarted(ctx caddy.Context, g caddyevents.Handler) error {
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("shop_gate: finding the events app: %w", err)
	}
	if err := events.(*caddyevents.App).On("started", g); err != nil {
		return fmt.Errorf("shop_gate: subscribing to the event started: %w", err)
	}
	return nil
}

// close releases the state.
func (c *core) close() error {
	if c.state == nil {
		return nil
	}
	_, err := states.Delete(stateKey)
	return err
}

// exempt reports whether connections from peer are never refused. A trusted proxy is
// known here once it would have been refused.
func (c *core) exempt(peer netip.Addr, now time.Time) bool {
	return c.neverRefused(peer) || c.proxies.known(peer, now)
}

// takeRate takes a token for a new connection in both scopes.
func (c *core) takeRate(keys *[scopes]netkey.Key, now time.Time) bool {
	rates := c.ratesAt(now)
	for i := range keys {
		if !c.state.rates.Take(keys[i], &rates[i], now).Allowed() {
			return false
		}
	}
	return true
}

// refused counts and logs a refusal. ban is the key of the ban, if that is why.
func (c *core) refused(p *listenerStats, why outcome, ban netkey.Key, peer netip.Addr, now time.Time) {
	p.of[why].Inc()
	if v, ok := p.vectorOf(why); ok {
		c.see(p, v)
	} else if why == banned && !p.shadow {
		c.countRefused(ban)
	}
	c.logRefusal(p, why, peer, now)
}

// logRefusal logs a refusal, at most one line per second.
func (c *core) logRefusal(p *listenerStats, o outcome, peer netip.Addr, now time.Time) {
	c.logRate.Do(func() {
		c.log.Info("connection refused by the gate", zap.String("listener", p.name), zap.String("outcome", o.String()),
			zap.String("client", c.reference(now, peer)), zap.Bool("shadow", p.shadow))
	})
}

// serverOf returns the HTTP server whose wrapper is provisioned; nil outside of the app
// `http`.
func serverOf(ctx caddy.Context) *caddyhttp.Server {
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return server
}
