package gate

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// A door is what the gates for TCP and for QUIC need to decide.
type door struct {
	hall    *hall
	refuses func(netip.Addr, time.Time) bool   // banned?
	spares  func(netip.Addr) bool              // never to be refused?
	names   func(time.Time, netip.Addr) string // the reference that operators can compare
	proxies proxies
	paces   [places]counters.Limit
	log     *zap.Logger
	rarely  rate.Sometimes
}

// A connection is counted in two places: that of its client and that of its
// neighbourhood.
const places = 2

// open finds the shield and the hall.
func (d *door) open(ctx caddy.Context, server *caddyhttp.Server, r *Rules, client, net *Pace) error {
	app, err := shield.AppOf(ctx, connectionsTotal, lateTotal, datagramsTotal)
	if err != nil {
		return fmt.Errorf("shop_gate: %w", err)
	}
	allowed := tableOf(r.Allow)
	d.refuses = app.Refuses
	d.spares = func(peer netip.Addr) bool { return allowed.Contains(peer) || app.Allows(peer) }
	d.names = func(now time.Time, peer netip.Addr) string { return app.Hasher().Client(now, peer).Reference() }
	d.proxies.server = server
	d.log, d.rarely = ctx.Logger(), rate.Sometimes{Interval: time.Second}
	client.limit(&d.paces[0])
	net.limit(&d.paces[1])
	found, _, err := halls.LoadOrNew(hallKey, newHall)
	if err != nil {
		return fmt.Errorf("shop_gate: %w", err)
	}
	d.hall = found.(*hall)
	return shield.Register(ctx.GetMetricsRegistry(), d.hall)
}

// close leaves the hall.
func (d *door) close() error {
	if d.hall == nil {
		return nil
	}
	_, err := halls.Delete(hallKey)
	return err
}

// exempt reports whether nothing from peer is refused. A proxy that the server
// trusts is known here once it would have been refused.
func (d *door) exempt(peer netip.Addr, now time.Time) bool {
	return d.spares(peer) || d.proxies.known(peer, now)
}

// paced takes a token of both places for a new connection.
func (d *door) paced(keys *[places]netkey.Key, now time.Time) bool {
	for i := range keys {
		if !d.hall.paces.Take(keys[i], &d.paces[i], now).Allowed() {
			return false
		}
	}
	return true
}

// note logs refusals, one line a second at the most.
func (d *door) note(p *post, o outcome, peer netip.Addr, now time.Time) {
	d.rarely.Do(func() {
		d.log.Info("refused a connection", zap.String("listener", p.name), zap.String("because", o.String()),
			zap.String("client", d.names(now, peer)), zap.Bool("shadow", p.shadow))
	})
}

// serverOf is the HTTP server whose wrapper is provisioned; nil outside of the
// app `http`.
func serverOf(ctx caddy.Context) *caddyhttp.Server {
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return server
}
