package gate

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// socket is a UDP socket behind a gate. quic-go still finds all that it looks for, ECN,
// segmentation offload and batched reads; it only reads fewer datagrams.
type socket struct {
	*net.UDPConn
	batches *ipv4.PacketConn // for IPv6 as well
	listen  []string
	filter  atomic.Pointer[filter] // nil: accept everything
}

// filter is the gate in force at a socket.
type filter struct {
	gate  *QUIC
	stats *listenerStats
}

func newSocket(udp *net.UDPConn, listen []string) *socket {
	return &socket{UDPConn: udp, batches: ipv4.NewPacketConn(udp), listen: listen}
}

func (q *QUIC) filterFor(s *socket) *filter {
	return &filter{q, newStats(q.state, "udp/"+s.LocalAddr().String(), datagramsTotal, q.Shadow, accepted, exempt, banned, tooFast)}
}

// ReadBatch is how quic-go reads.
func (s *socket) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for {
		n, err := s.batches.ReadBatch(ms, flags)
		if err != nil {
			s.onError(err)
			return n, err
		}
		if n = s.keep(ms[:n]); n > 0 {
			return n, nil
		}
	}
}

// ReadFrom reads one datagram, for callers without batches.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, addr, err := s.UDPConn.ReadFrom(p)
		if err != nil {
			s.onError(err)
			return n, addr, err
		}
		if w := s.filter.Load(); w == nil || w.accepts(peerOf(addr), p[:n], time.Now()) {
			return n, addr, nil
		}
	}
}

// ReadMsgUDP is ReadFrom with control messages.
func (s *socket) ReadMsgUDP(p, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	for {
		n, oobn, flags, addr, err = s.UDPConn.ReadMsgUDP(p, oob)
		if err != nil {
			s.onError(err)
			return n, oobn, flags, addr, err
		}
		if w := s.filter.Load(); w == nil || w.accepts(peerOf(addr), p[:n], time.Now()) {
			return n, oobn, flags, addr, nil
		}
	}
}

// keep moves the accepted datagrams to the front and returns how many there are. It
// moves bytes, not buffers: quic-go knows which buffer belongs to which message.
func (s *socket) keep(ms []ipv4.Message) (kept int) {
	w := s.filter.Load()
	if w == nil {
		return len(ms)
	}
	now := time.Now()
	for i := range ms {
		m := &ms[i]
		if !w.accepts(peerOf(m.Addr), m.Buffers[0][:m.N], now) {
			continue
		}
		if to := &ms[kept]; to != m {
			to.N, to.NN, to.Flags, to.Addr = copy(to.Buffers[0], m.Buffers[0][:m.N]), copy(to.OOB, m.OOB[:m.NN]), m.Flags, m.Addr
		}
		kept++
	}
	return kept
}

// accepts decides about one datagram.
func (w *filter) accepts(peer netip.Addr, data []byte, now time.Time) bool {
	g, p := w.gate, w.stats
	why := accepted
	id, opens := opensConnection(data)
	ban, isBanned := g.banOf(peer, now)
	switch {
	case isBanned:
		why = banned
	case !opens:
		return true
	}
	if g.exempt(peer, now) {
		p.count(exempt, opens)
		return true
	}
	if why == accepted {
		mark := g.state.markOf(id, peer, p)
		if g.state.knownCIDs.has(mark, now) {
			return true // a connection needs several such packets
		}
		keys := g.state.keysOf(peer, p)
		if g.takeRate(&keys, now) {
			g.state.knownCIDs.add(mark, now)
			p.count(accepted, opens)
			return true
		}
		why = tooFast
	}
	if g.proxies.trusts(peer, now) {
		p.count(exempt, opens)
		return true
	}
	g.refused(p, why, ban, peer, now)
	return g.Shadow
}

func (s *socket) onError(err error) {
	if errors.Is(err, net.ErrClosed) {
		sockets.remove(s)
	}
}

// udpOf finds the socket under what Caddy wraps around it.
func udpOf(conn net.PacketConn) *net.UDPConn {
	for {
		if udp, ok := conn.(*net.UDPConn); ok {
			return udp
		}
		outer, ok := conn.(interface{ Unwrap() net.PacketConn })
		if !ok {
			return nil
		}
		conn = outer.Unwrap()
	}
}

// sockets are those behind gates. Caddy keeps them across reloads without calling the
// wrapper again, so a new configuration finds them here.
var sockets openSockets

type openSockets struct {
	mu  sync.Mutex
	all []*socket
}

func (o *openSockets) add(s *socket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, s)
}

func (o *openSockets) remove(s *socket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = slices.DeleteFunc(o.all, func(other *socket) bool { return other == s })
}

// at returns the sockets for one of these addresses.
func (o *openSockets) at(listen []string) (found []*socket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.all {
		if slices.ContainsFunc(s.listen, func(address string) bool { return slices.Contains(listen, address) }) {
			found = append(found, s)
		}
	}
	return found
}
