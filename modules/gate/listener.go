package gate

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// listener is a TCP listener with a gate before it. It decides in Accept, from
// the address alone, and waits for nothing.
type listener struct {
	net.Listener
	gate            *Gate
	post            *post
	open            *atomic.Int64 // connections
	slow, displaced prometheus.Counter
	queue           queue
}

func newListener(inner net.Listener, g *Gate) *listener {
	name, mode := "tcp/"+inner.Addr().String(), modeOf(g.Shadow)
	return &listener{
		Listener: inner, gate: g, open: g.hall.openAt(name), queue: queueOf(inner),
		post: newPost(g.hall, name, connectionsTotal, g.Shadow, accepted, exempt, banned, tooFast, connections, handshakes),
		slow: lateTotal.WithLabelValues(name, "slow", mode), displaced: lateTotal.WithLabelValues(name, "displaced", mode),
	}
}

// Accept returns the next connection that may come in.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := inner.(*net.TCPConn)
		if !ok {
			return inner, nil // of a network that somebody added to Caddy
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

// admit counts a connection and says whether it may come in. There is no seat
// for one that is exempt.
func (l *listener) admit(peer netip.Addr, now time.Time) (s seat, ok bool) {
	g, p := l.gate, l.post
	if g.exempt(peer, now) {
		p.of[exempt].Inc()
		return seat{}, true
	}
	keys, why := g.hall.keysOf(peer, p), accepted
	switch {
	case g.refuses(peer, now):
		why = banned
	case !g.paced(&keys, now):
		why = tooFast
	}
	if why == accepted || g.Shadow {
		var full outcome
		if s, full = g.hall.table.enter(&keys, &g.rooms, g.Shadow); why == accepted {
			why = full
		}
	}
	if why != accepted && g.proxies.trusts(peer, now) {
		g.hall.table.leave(&s, true)
		p.of[exempt].Inc()
		return seat{}, true
	}
	p.of[why].Inc()
	if why != accepted {
		g.note(p, why, peer, now)
	}
	return s, why == accepted || g.Shadow
}

// reset closes a connection so that nothing of it stays: no FIN is exchanged
// and no state kept.
func reset(tcp *net.TCPConn) {
	_ = tcp.SetLinger(0) // fails if it is closed already
	_ = tcp.Close()
}

// peerOf is the address at the other end.
func peerOf(addr net.Addr) netip.Addr {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return plain(a.AddrPort().Addr())
	case *net.UDPAddr:
		return plain(a.AddrPort().Addr())
	}
	return netip.Addr{}
}

func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
