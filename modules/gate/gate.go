// Package gate closes connections before they cost anything: those of banned
// sources, of sources over their connection limits, and those that do not finish
// their TLS handshake in time.
//
// It runs before TLS, as a wrapper of Caddy's listeners (TCP) and packet connections
// (QUIC), and knows only addresses. It never waits: bans come from the index in
// memory, and counts are this edge's own. If its tables are full, it accepts what it
// cannot count; later stages do not rely on it.
package gate

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

func init() {
	caddy.RegisterModule(new(Gate))
	caddy.RegisterModule(new(QUIC))
}

// Gate protects the TCP listeners of a server. It must be the first listener wrapper,
// and `tls` must come after it.
//
// A refused connection is reset, so that neither a handshake nor a closing state is
// left. Addresses in `never_ban` of the shield, fixed addresses of partners, and
// proxies that the server trusts are never refused. Behind any other proxy or load
// balancer all visitors share its address, which must be in `allow` then. Each
// listener address is counted separately, and across reloads.
type Gate struct {
	Rules

	// The limits of one client: an IPv4 address, or the /64 of an IPv6 address.
	// Default: 30 new connections per second with a burst of 300, 1024 open, 64 of
	// them in their handshake. All customers behind a carrier's shared address need
	// less.
	Client PrefixLimits `json:"client,omitzero"`

	// The limits of a subnet, /24 or /48. Default: 150 new connections per second
	// with a burst of 1500, 4096 open, 256 of them in their handshake.
	Subnet PrefixLimits `json:"subnet,omitzero"`

	// The size of the half-open queue, for all listeners: connections whose client
	// has not finished its TLS handshake, or without TLS not sent the header of its
	// first request. One more displaces the oldest. Default: 8192. It is never more than
	// half of the files that the process may open.
	Handshakes int `json:"handshakes,omitempty"`

	// How long a connection may be half-open before it is closed. Default: 10s.
	HandshakeTimeout caddy.Duration `json:"handshake_timeout,omitempty"`

	core
	limits   limits
	halfOpen int           // the size of the half-open queue in force
	started  chan struct{} // closed when the configuration has started
}

const (
	defaultHandshakes       = 8192
	defaultHandshakeTimeout = caddy.Duration(10 * time.Second)
)

// CaddyModule returns the module's ID and constructor.
func (*Gate) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.listeners.shop_gate", New: func() caddy.Module { return new(Gate) }}
}

// UnmarshalJSON decodes the gate. For a field that was renamed before 1.0 the error
// has its new name.
func (g *Gate) UnmarshalJSON(raw []byte) error {
	type plain Gate
	return syntax.UnmarshalStrict(raw, "shop_gate", (*plain)(g))
}

// Provision sets the defaults, and finds the shield and the counts of the previous
// configuration.
func (g *Gate) Provision(ctx caddy.Context) error {
	server := serverOf(ctx)
	if server != nil {
		if err := checkOrder(server.ListenerWrappersRaw); err != nil {
			return fmt.Errorf("shop_gate: %w", err)
		}
	}
	g.Client.fillDefaults(usualClient)
	g.Subnet.fillDefaults(usualSubnet)
	if g.Handshakes == 0 {
		g.Handshakes = defaultHandshakes
	}
	if g.HandshakeTimeout == 0 {
		g.HandshakeTimeout = defaultHandshakeTimeout
	}
	g.limits = limits{g.Client.limits(), g.Subnet.limits()}
	g.started = make(chan struct{})
	if err := onStarted(ctx, g); err != nil {
		return err
	}
	if err := g.open(ctx, server, &g.Rules, &g.Client.Pace, &g.Subnet.Pace); err != nil {
		return err
	}
	g.halfOpen = boundHandshakes(g.Handshakes, openFiles())
	if g.halfOpen < g.Handshakes {
		g.log.Warn("the process may open few files, so the half-open queue is shorter than configured: raise LimitNOFILE in the systemd unit, or the container's nofile",
			zap.Uint64("open_files", openFiles()), zap.Int("handshakes", g.Handshakes), zap.Int("in_force", g.halfOpen))
	}
	return nil
}

// boundHandshakes leaves half of the files to connections that have finished their
// handshake, and to shops. Without a file no connection is accepted, so none could be
// displaced either.
func boundHandshakes(configured int, files uint64) int {
	if files == 0 || uint64(configured) <= files/2 {
		return configured
	}
	return max(1, int(files/2))
}

// Validate refuses limits that would refuse every connection.
func (g *Gate) Validate() error {
	if err := g.Client.validate(); err != nil {
		return fmt.Errorf("shop_gate: client: %w", err)
	}
	if err := g.Subnet.validate(); err != nil {
		return fmt.Errorf("shop_gate: net: %w", err)
	}
	if g.Handshakes < 1 {
		return fmt.Errorf("shop_gate: invalid handshakes %d: want at least 1", g.Handshakes)
	}
	if g.HandshakeTimeout < 0 {
		return fmt.Errorf("shop_gate: invalid handshake_timeout %s: want more than 0", time.Duration(g.HandshakeTimeout))
	}
	return nil
}

// WrapListener puts the gate in front of a listener.
func (g *Gate) WrapListener(inner net.Listener) net.Listener {
	if _, ok := inner.Addr().(*net.TCPAddr); !ok {
		return inner // a unix socket, where peers have no address
	}
	return newListener(inner, g)
}

// Handle is called when the configuration has started.
func (g *Gate) Handle(context.Context, caddy.Event) error {
	close(g.started)
	g.warnUnused()
	return nil
}

// Cleanup keeps the counts for the next configuration.
func (g *Gate) Cleanup() error { return g.close() }

// Interface guards.
var (
	_ caddy.Provisioner     = (*Gate)(nil)
	_ caddy.Validator       = (*Gate)(nil)
	_ caddy.CleanerUpper    = (*Gate)(nil)
	_ caddy.ListenerWrapper = (*Gate)(nil)
	_ caddyevents.Handler   = (*Gate)(nil)
)
