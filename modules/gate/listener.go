package gate

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/modules/shield"
)

// listener is a TCP listener behind a gate. It decides in Accept, by the address alone,
// and never waits.
type listener struct {
	net.Listener
	gate            *Gate
	stats           *listenerStats
	open            *atomic.Int64 // connections
	slow, displaced prometheus.Counter
	queue           queue
}

func newListener(inner net.Listener, g *Gate) *listener {
	name, mode := "tcp/"+inner.Addr().String(), modeOf(g.Shadow)
	return &listener{
		Listener: inner, gate: g, open: g.state.openAt(name), queue: queueOf(inner),
		stats: newStats(g.state, name, connectionsTotal, g.Shadow, accepted, exempt, banned, tooFast, connections, handshakes),
		slow:  lateTotal.WithLabelValues(name, "slow", mode), displaced: lateTotal.WithLabelValues(name, "displaced", mode),
	}
}

// Accept returns the next connection that is accepted.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := inner.(*net.TCPConn)
		if !ok {
			return inner, nil // of a network that another module added to Caddy
		}
		now := time.Now()
		if s, ok := l.admit(peerOf(tcp.RemoteAddr()), now); ok {
			return l.enter(tcp, s, now), nil
		}
		reset(tcp)
		if c := l.drain(); c != nil {
			return c, nil
		}
	}
}

// admit counts a connection and reports whether it is accepted. An exempt one has no
// slot.
func (l *listener) admit(peer netip.Addr, now time.Time) (s slot, ok bool) {
	g, p := l.gate, l.stats
	if g.exempt(peer, now) {
		p.of[exempt].Inc()
		return slot{}, true
	}
	keys, why := g.state.keysOf(peer, p), accepted
	switch {
	case g.isBanned(peer, now):
		why = banned
	case !g.takeRate(&keys, now):
		why = tooFast
	}
	if why == accepted || g.Shadow {
		var full outcome
		if s, full = g.state.table.enter(&keys, &g.limits, g.Shadow); why == accepted {
			why = full
		}
	}
	if why != accepted && g.proxies.trusts(peer, now) {
		g.state.table.leave(&s, true)
		p.of[exempt].Inc()
		return slot{}, true
	}
	p.of[why].Inc()
	if why != accepted {
		g.logRefusal(p, why, peer, now)
	}
	return s, why == accepted || g.Shadow
}

// reset closes a connection with a RST: no FIN is exchanged, and the kernel keeps no
// state.
func reset(tcp *net.TCPConn) {
	_ = tcp.SetLinger(0) // fails if it is closed already
	_ = tcp.Close()
}

// peerOf returns the address of the other end.
func peerOf(addr net.Addr) netip.Addr {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return shield.PlainAddr(a.AddrPort().Addr())
	case *net.UDPAddr:
		return shield.PlainAddr(a.AddrPort().Addr())
	}
	return netip.Addr{}
}
