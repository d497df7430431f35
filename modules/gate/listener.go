package gate

import (
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/life"
	"github.com/theriac-edge/theriac/watch"
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

	passed bool          // by the service manager
	held   chan struct{} // closed when nothing more is accepted
	shut   func() error  // closes the socket, once
	closed chan struct{}
	close  func() // closes that, once
}

func newListener(inner net.Listener, g *Gate) *listener {
	name, mode := "tcp/"+inner.Addr().String(), modeOf(g.Shadow)
	l := &listener{
		held: make(chan struct{}), closed: make(chan struct{}),
		Listener: inner, gate: g, open: g.state.openAt(name), queue: queueOf(inner),
		stats: newStats(g.state, name, connectionsTotal, g.Shadow, accepted, exempt, banned, tooFast, connections, handshakes),
		slow:  lateTotal.WithLabelValues(name, "slow", mode), displaced: lateTotal.WithLabelValues(name, "displaced", mode),
	}
	if server := g.proxies.server; server != nil && len(server.TLSConnPolicies) == 0 {
		l.stats.halfOpen = watch.SlowHeader
	}
	l.passed = slices.ContainsFunc(g.passed, func(s passedSocket) bool { return s.network == "fd" && s.at.String() == inner.Addr().String() })
	l.shut = sync.OnceValue(inner.Close)
	forget := life.OnHold(l.hold)
	l.close = sync.OnceFunc(func() {
		forget()
		close(l.closed)
	})
	return l
}

// hold accepts no more connections, because the process is about to end. In the queue of a
// socket that the service manager passed they wait for the next process. A socket of our
// own is closed: it is better to be refused than to be accepted and cut off.
func (l *listener) hold() {
	close(l.held)
	if !l.passed {
		_ = l.shut()
	} else if tcp, ok := innermost(l.Listener).(*net.TCPListener); ok {
		_ = tcp.SetDeadline(time.Now()) // wakes Accept; fails if it is closed
	}
}

// Close closes the listener.
func (l *listener) Close() error {
	l.close()
	return l.shut()
}

// Accept returns the next connection that is accepted. It accepts none before the
// configuration has started: Caddy loads certificates after it has opened its listeners, and
// the clients that waited for a restart would be the ones without a certificate.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.gate.started:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			select {
			case <-l.held:
				<-l.closed
			default:
			}
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
	ban, isBanned := g.banOf(peer, now)
	switch {
	case isBanned:
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
	if why == accepted {
		p.of[why].Inc()
	} else {
		g.refused(p, why, ban, peer, now)
	}
	return s, why == accepted || g.Shadow
}

// reset closes a connection with a RST: no FIN is exchanged, and the kernel keeps no
// state.
func reset(tcp *net.TCPConn) {
	_ = tcp.SetLinger(0) // fails if it is closed already
	_ = tcp.Close()
}

// innermost returns the listener of Go under the structs that Caddy wraps around it, which
// embed the listener and have no accessor.
func innermost(l net.Listener) net.Listener {
	for {
		v := reflect.Indirect(reflect.ValueOf(l))
		if v.Kind() != reflect.Struct {
			return l
		}
		field := v.FieldByName("Listener")
		if !field.IsValid() || !field.CanInterface() {
			return l
		}
		inner, ok := field.Interface().(net.Listener)
		if !ok {
			return l
		}
		l = inner
	}
}

// peerOf returns the address of the other end.
func peerOf(addr net.Addr) netip.Addr {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return clientip.Plain(a.AddrPort().Addr())
	case *net.UDPAddr:
		return clientip.Plain(a.AddrPort().Addr())
	}
	return netip.Addr{}
}
