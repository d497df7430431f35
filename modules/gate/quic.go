package gate

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

// QUIC protects the HTTP/3 sockets of a server. It drops every datagram of a banned
// source, on open connections as well, and datagrams that would open more connections
// than a source may; browsers fall back to TCP then. Established connections are never
// limited, even if they migrate to another address.
//
// The source address of a first QUIC packet is not validated, so these limits are
// separate from those for TCP: by forging a customer's address an attacker can at most
// prevent that customer's new QUIC connections.
//
// Caddy keeps the socket of HTTP/3 across reloads. A socket that was opened without this
// wrapper gets it when the edge is restarted; the log has a warning then.
type QUIC struct {
	Rules

	// The limit of one client: an IPv4 address, or the /64 of an IPv6 address.
	// Default: 30 new connections per second with a burst of 300.
	Client Pace `json:"client,omitzero"`

	// The limit of a subnet, /24 or /48. Default: 150 new connections per second
	// with a burst of 1500.
	Subnet Pace `json:"subnet,omitzero"`

	core
	listen []string // the server's addresses, as configured
}

// CaddyModule returns the module's ID and constructor.
func (*QUIC) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.packetconns.shop_gate", New: func() caddy.Module { return new(QUIC) }}
}

// UnmarshalJSON decodes the gate. For a field that was renamed before 1.0 the error
// has its new name.
func (q *QUIC) UnmarshalJSON(raw []byte) error {
	type plain QUIC
	return syntax.UnmarshalStrict(raw, "shop_gate", (*plain)(q))
}

// Provision sets the defaults and finds the shield.
func (q *QUIC) Provision(ctx caddy.Context) error {
	server := serverOf(ctx)
	q.Client.fillDefaults(usualClient.Pace)
	q.Subnet.fillDefaults(usualSubnet.Pace)
	if err := onStarted(ctx, q); err != nil {
		return err
	}
	if err := q.open(ctx, server, &q.Rules, &q.Client, &q.Subnet); err != nil {
		return err
	}
	if server != nil {
		q.listen = server.Listen
	}
	return nil
}

// Validate refuses limits that would refuse every connection.
func (q *QUIC) Validate() error {
	if err := q.Client.validate(); err != nil {
		return fmt.Errorf("shop_gate: client: %w", err)
	}
	if err := q.Subnet.validate(); err != nil {
		return fmt.Errorf("shop_gate: net: %w", err)
	}
	return nil
}

// WrapPacketConn puts the gate in front of a socket that was just opened. Later
// configurations find it there.
func (q *QUIC) WrapPacketConn(inner net.PacketConn) net.PacketConn {
	udp := udpOf(inner)
	if udp == nil {
		q.log.Error("HTTP/3 has no gate on this listener: another wrapper hides the socket; put shop_gate before it",
			zap.String("listener", inner.LocalAddr().String()))
		return inner
	}
	s := newSocket(udp, configured(q.listen, udp.LocalAddr()))
	s.filter.Store(q.filterFor(s))
	sockets.add(s)
	return s
}

// Handle is called when the configuration has started, and takes over the sockets that
// Caddy kept.
func (q *QUIC) Handle(context.Context, caddy.Event) error {
	kept := sockets.at(q.listen)
	for _, s := range kept {
		if w := s.filter.Load(); w == nil || w.gate != q {
			s.filter.Store(q.filterFor(s))
		}
	}
	for _, address := range q.listen {
		if !slices.ContainsFunc(kept, func(s *socket) bool { return slices.Contains(s.listen, address) }) && opened(address) {
			q.log.Warn("HTTP/3 has no gate: its socket was opened by an earlier configuration without one; restart the edge",
				zap.String("listener", address))
		}
	}
	return nil
}

// Cleanup removes the gate from the sockets, unless a later configuration has put its
// own there.
func (q *QUIC) Cleanup() error {
	for _, s := range sockets.at(q.listen) {
		if w := s.filter.Load(); w != nil && w.gate == q {
			s.filter.CompareAndSwap(w, nil)
		}
	}
	return q.close()
}

// configured returns the addresses of a server that a socket may belong to.
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
	if parsed.IsFdNetwork() {
		return caddy.ListenerUsage(parsed.Network, parsed.Host) > 0 && parsed.Network == "fdgram"
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
