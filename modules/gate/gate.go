// Package gate closes connections before they cost anything: those of banned
// sources, of sources that open too many, and those that never finish their
// handshake.
//
// It stands before TLS, as wrapper of Caddy's listeners (TCP) and packet
// connections (QUIC), and knows only addresses. It asks nobody who could be
// slow: bans come from the list in the process, counts are this edge's own. If
// it runs out of room it lets pass what it cannot count; what stands behind it
// does not rely on it.
package gate

import (
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/modules/shield"
)

func init() {
	caddy.RegisterModule(new(Gate))
	caddy.RegisterModule(new(QUIC))
}

// Gate stands at the TCP listeners of a server. It must be the first listener
// wrapper, and `tls` must come after it.
//
// What it refuses is reset, so that neither a handshake nor a closing state
// stays behind. Addresses on the list `allow` of the shield, fixed ones of
// partners, and proxies that the server trusts are never refused. Behind any
// other proxy or balancer all visitors share its address, which must stand in
// `allow` then. Each listener's address counts by itself, and over reloads.
type Gate struct {
	Rules

	// What one client may do: an IPv4 address, or the /64 around an IPv6
	// address. Default: 30 new connections a second and 300 at once, 1024 open,
	// 64 of them unfinished, which is more than all customers behind a carrier's
	// shared address need.
	Client Crowd `json:"client,omitzero"`

	// What all clients of a /24 or /48 may do together. Default: 150 new
	// connections a second and 1500 at once, 4096 open, 256 of them unfinished.
	Subnet Crowd `json:"subnet,omitzero"`

	// How many connections may be unfinished at a time, at all listeners: the
	// client has not ended its TLS handshake, or without TLS not sent the header
	// of its first request. One more displaces the one that has been so for
	// longest. Default: 8192.
	Handshakes int `json:"handshakes,omitempty"`

	// When a connection that is still unfinished is closed. Default: 10s.
	HandshakeTimeout caddy.Duration `json:"handshake_timeout,omitempty"`

	door
	rooms rooms
}

const (
	defaultHandshakes       = 8192
	defaultHandshakeTimeout = caddy.Duration(10 * time.Second)
)

// CaddyModule says how Caddy finds the gate.
func (*Gate) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.listeners.shop_gate", New: func() caddy.Module { return new(Gate) }}
}

// UnmarshalJSON reads the gate, and says what a field is called now that had
// another name before 1.0.
func (g *Gate) UnmarshalJSON(raw []byte) error {
	type plain Gate
	return shield.UnmarshalStrict(raw, "shop_gate", (*plain)(g))
}

// Provision fills in the defaults, and finds the shield and the counts that an
// earlier configuration left.
func (g *Gate) Provision(ctx caddy.Context) error {
	server := serverOf(ctx)
	if server != nil {
		if err := checkPlace(server.ListenerWrappersRaw); err != nil {
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
	g.rooms = rooms{g.Client.room(), g.Subnet.room()}
	return g.open(ctx, server, &g.Rules, &g.Client.Pace, &g.Subnet.Pace)
}

// Validate refuses limits that would refuse everybody.
func (g *Gate) Validate() error {
	if err := g.Client.validate(); err != nil {
		return fmt.Errorf("shop_gate: client: %w", err)
	}
	if err := g.Subnet.validate(); err != nil {
		return fmt.Errorf("shop_gate: net: %w", err)
	}
	if g.Handshakes < 1 {
		return fmt.Errorf("shop_gate: handshakes is %d; it must be at least 1", g.Handshakes)
	}
	if g.HandshakeTimeout < 0 {
		return fmt.Errorf("shop_gate: handshake_timeout is %s; it must be more than 0", time.Duration(g.HandshakeTimeout))
	}
	return nil
}

// WrapListener puts the gate before a listener.
func (g *Gate) WrapListener(inner net.Listener) net.Listener {
	if _, ok := inner.Addr().(*net.TCPAddr); !ok {
		return inner // a unix socket: nobody has an address there
	}
	return newListener(inner, g)
}

// Cleanup leaves the counts to the next configuration.
func (g *Gate) Cleanup() error { return g.close() }

// Interface guards.
var (
	_ caddy.Provisioner     = (*Gate)(nil)
	_ caddy.Validator       = (*Gate)(nil)
	_ caddy.CleanerUpper    = (*Gate)(nil)
	_ caddy.ListenerWrapper = (*Gate)(nil)
)
