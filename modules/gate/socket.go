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

// socket is a UDP socket with a gate before it. It is still what quic-go looks
// for, with ECN, segmentation offload and reading in batches: only what it reads
// has fewer datagrams.
type socket struct {
	*net.UDPConn
	batches *ipv4.PacketConn // for IPv6 as well
	listen  []string
	watch   atomic.Pointer[watcher] // none: everything may pass
}

// watcher is the gate in force at a socket.
type watcher struct {
	gate *QUIC
	post *post
}

func newSocket(udp *net.UDPConn, listen []string) *socket {
	return &socket{UDPConn: udp, batches: ipv4.NewPacketConn(udp), listen: listen}
}

func (q *QUIC) watcher(s *socket) *watcher {
	return &watcher{q, newPost(q.hall, "udp/"+s.LocalAddr().String(), datagramsTotal, q.Shadow, accepted, exempt, banned, tooFast)}
}

// ReadBatch is how quic-go reads.
func (s *socket) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for {
		n, err := s.batches.ReadBatch(ms, flags)
		if err != nil {
			s.failed(err)
			return n, err
		}
		if n = s.keep(ms[:n]); n > 0 {
			return n, nil
		}
	}
}

// ReadFrom is how one reads who knows no batches.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, addr, err := s.UDPConn.ReadFrom(p)
		if err != nil {
			s.failed(err)
			return n, addr, err
		}
		if w := s.watch.Load(); w == nil || w.passes(peerOf(addr), p[:n], time.Now()) {
			return n, addr, nil
		}
	}
}

// ReadMsgUDP is ReadFrom with what the kernel knows of the packet.
func (s *socket) ReadMsgUDP(p, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	for {
		n, oobn, flags, addr, err = s.UDPConn.ReadMsgUDP(p, oob)
		if err != nil {
			s.failed(err)
			return n, oobn, flags, addr, err
		}
		if w := s.watch.Load(); w == nil || w.passes(peerOf(addr), p[:n], time.Now()) {
			return n, oobn, flags, addr, nil
		}
	}
}

// keep moves the datagrams that may pass to the front and returns how many
// these are. It moves bytes, not buffers: quic-go knows which buffer belongs to
// which place.
func (s *socket) keep(ms []ipv4.Message) (kept int) {
	w := s.watch.Load()
	if w == nil {
		return len(ms)
	}
	now := time.Now()
	for i := range ms {
		m := &ms[i]
		if !w.passes(peerOf(m.Addr), m.Buffers[0][:m.N], now) {
			continue
		}
		if to := &ms[kept]; to != m {
			to.N, to.NN, to.Flags, to.Addr = copy(to.Buffers[0], m.Buffers[0][:m.N]), copy(to.OOB, m.OOB[:m.NN]), m.Flags, m.Addr
		}
		kept++
	}
	return kept
}

// passes decides about one datagram.
func (w *watcher) passes(peer netip.Addr, data []byte, now time.Time) bool {
	g, p := w.gate, w.post
	why := accepted
	id, opens := opensConnection(data)
	switch {
	case g.refuses(peer, now):
		why = banned
	case !opens:
		return true
	}
	if g.exempt(peer, now) {
		p.count(exempt, opens)
		return true
	}
	if why == accepted {
		mark := g.hall.markOf(id, peer, p)
		if g.hall.begun.has(mark, now) {
			return true // a connection needs several such packets
		}
		keys := g.hall.keysOf(peer, p)
		if g.paced(&keys, now) {
			g.hall.begun.add(mark, now)
			p.count(accepted, opens)
			return true
		}
		why = tooFast
	}
	if g.proxies.trusts(peer, now) {
		p.count(exempt, opens)
		return true
	}
	p.of[why].Inc()
	g.note(p, why, peer, now)
	return g.Shadow
}

func (s *socket) failed(err error) {
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

// sockets are those that gates stand at. Caddy keeps them over reloads and does
// not say so, so a new configuration looks here.
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

// at are the sockets for one of these addresses.
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
