package gate

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield"
)

// QUIC stands at the sockets of a server's HTTP/3. It drops every datagram of a
// banned source, also of connections that it has open, and those that would
// open more connections than a source may; browsers come by TCP then.
// Established connections and those that move to another address are never
// limited.
//
// Nobody has proven an address who sends a first QUIC packet, so these budgets
// are apart from those for TCP: who forges a customer's address keeps that one
// from new QUIC connections at the most.
//
// Caddy keeps the socket of HTTP/3 over reloads. One that was opened without
// this wrapper gets it when the edge is restarted; the log says so.
type QUIC struct {
	Rules

	// What one client may do: an IPv4 address, or the /64 around an IPv6
	// address. Default: 30 new connections a second and 300 at once.
	Client Pace `json:"client,omitzero"`

	// What all clients of a /24 or /48 may do together. Default: 150 new
	// connections a second and 1500 at once.
	Subnet Pace `json:"subnet,omitzero"`

	door
	listen []string // the server's addresses, as configured
}

// CaddyModule says how Caddy finds the gate.
func (*QUIC) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.packetconns.shop_gate", New: func() caddy.Module { return new(QUIC) }}
}

// UnmarshalJSON reads the gate, and says what a field is called now that had
// another name before 1.0.
func (q *QUIC) UnmarshalJSON(raw []byte) error {
	type plain QUIC
	return shield.UnmarshalStrict(raw, "shop_gate", (*plain)(q))
}

// Provision fills in the defaults and finds the shield.
func (q *QUIC) Provision(ctx caddy.Context) error {
	server := serverOf(ctx)
	if server != nil {
		q.listen = server.Listen
	}
	q.Client.fillDefaults(usualClient.Pace)
	q.Subnet.fillDefaults(usualSubnet.Pace)
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("shop_gate: finding Caddy's events: %w", err)
	}
	if err := events.(*caddyevents.App).On("started", q); err != nil {
		return fmt.Errorf("shop_gate: waiting for Caddy's start: %w", err)
	}
	return q.open(ctx, server, &q.Rules, &q.Client, &q.Subnet)
}

// Validate refuses limits that would refuse everybody.
func (q *QUIC) Validate() error {
	if err := q.Client.validate(); err != nil {
		return fmt.Errorf("shop_gate: client: %w", err)
	}
	if err := q.Subnet.validate(); err != nil {
		return fmt.Errorf("shop_gate: net: %w", err)
	}
	return nil
}

// WrapPacketConn puts the gate before a socket that was just opened. Later
// configurations find it there.
func (q *QUIC) WrapPacketConn(inner net.PacketConn) net.PacketConn {
	udp := udpOf(inner)
	if udp == nil {
		q.log.Error("HTTP/3 has no gate here: another wrapper hides the socket; put shop_gate before it",
			zap.String("listener", inner.LocalAddr().String()))
		return inner
	}
	s := newSocket(udp, configured(q.listen, udp.LocalAddr()))
	s.watch.Store(q.watcher(s))
	sockets.add(s)
	return s
}

// Handle hears that the configuration is in force, and takes over the sockets
// that Caddy kept.
func (q *QUIC) Handle(context.Context, caddy.Event) error {
	kept := sockets.at(q.listen)
	for _, s := range kept {
		if w := s.watch.Load(); w == nil || w.gate != q {
			s.watch.Store(q.watcher(s))
		}
	}
	for _, address := range q.listen {
		if !slices.ContainsFunc(kept, func(s *socket) bool { return slices.Contains(s.listen, address) }) && opened(address) {
			q.log.Warn("HTTP/3 was open before it had a gate, and Caddy keeps its socket: restart the edge",
				zap.String("listener", address))
		}
	}
	return nil
}

// Cleanup leaves the sockets without a gate, unless a later configuration has
// put its own there.
func (q *QUIC) Cleanup() error {
	for _, s := range sockets.at(q.listen) {
		if w := s.watch.Load(); w != nil && w.gate == q {
			s.watch.CompareAndSwap(w, nil)
		}
	}
	return q.close()
}

// configured are the addresses of a server that a socket may stand for.
func configured(listen []string, local net.Addr) (of []string) {
	at, _ := local.(*net.UDPAddr)
	for _, address := range listen {
		parsed, err := caddy.ParseNetworkAddress(address)
		if err != nil || at == nil || parsed.StartPort == 0 || uint(at.Port) >= parsed.StartPort && uint(at.Port) <= parsed.EndPort {
			of = append(of, address)
		}
	}
	return of
}

// opened reports whether HTTP/3 is served at an address.
func opened(address string) bool {
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil || parsed.IsUnixNetwork() {
		return false
	}
	return slices.ContainsFunc(parsed.Expand(), func(a caddy.NetworkAddress) bool {
		return caddy.ListenerUsage("udp", a.JoinHostPort(0)) > 0
	})
}

// Interface guards.
var (
	_ caddy.Provisioner       = (*QUIC)(nil)
	_ caddy.Validator         = (*QUIC)(nil)
	_ caddy.CleanerUpper      = (*QUIC)(nil)
	_ caddy.PacketConnWrapper = (*QUIC)(nil)
	_ caddyevents.Handler     = (*QUIC)(nil)
)
