//go:build linux

package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/scrub"
)

// The dataplane sends packets into a tunnel only while the host's own stack knows
// the next hop's link address. The stack resolves that, and keeps it, when it sends
// something itself. So scrubd sends a byte now and then to the discard port of the
// far end (RFC 863).
const (
	discardPort    = 9
	keepaliveEvery = 2 * time.Second

	// The stack gives a byte up after three seconds if the next hop does not
	// answer, and the next byte then waits for as long again.
	unreachableFor = 3 * keepaliveEvery
)

// nexthops keeps the next hops of tunnels resolved.
type nexthops struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[scrub.Tunnel]*nexthop
}

// nexthop is that of one tunnel.
type nexthop struct {
	conn  *net.UDPConn
	err   error     // why it is unreachable; nil: it is not
	since time.Time // when a byte was last given up
}

// TunnelState is a tunnel and whether its next hop is known.
type TunnelState struct {
	scrub.Tunnel
	Unreachable string `json:"unreachable,omitempty"` // why; empty: it is reachable
}

func newNexthops(log *slog.Logger) *nexthops {
	return &nexthops{log: log, all: make(map[scrub.Tunnel]*nexthop)}
}

// keepalive keeps the next hops of tunnels resolved until the context ends.
func (n *nexthops) keepalive(ctx context.Context, tunnels func() []scrub.Tunnel) error {
	tick := time.NewTicker(keepaliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			n.update(nil)
			return nil
		case <-tick.C:
			n.update(tunnels())
		}
	}
}

// update sends a byte into each of these tunnels, and forgets other ones.
func (n *nexthops) update(tunnels []scrub.Tunnel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t, hop := range n.all {
		if !slices.Contains(tunnels, t) {
			hop.close()
			delete(n.all, t)
		}
	}
	for _, t := range tunnels {
		hop := n.all[t]
		if hop == nil {
			hop = new(nexthop)
			n.all[t] = hop
		}
		answered, err := hop.send(t)
		if err != nil {
			hop.since = time.Now()
		} else if !answered && time.Since(hop.since) < unreachableFor {
			err = hop.err
		}
		if (err == nil) != (hop.err == nil) {
			n.report(t, err)
		}
		hop.err = err
	}
}

func (n *nexthops) report(t scrub.Tunnel, err error) {
	if err != nil {
		n.log.Error("next hop of a tunnel is unreachable: what is sent there stays here: as no_route, or for another edge as unclaimed", "to", t.To, "error", err)
		return
	}
	n.log.Info("next hop of a tunnel is reachable again", "to", t.To)
}

// send sends a byte. The socket reports what became of earlier ones: port
// unreachable comes from the far end itself, so it was reached.
func (h *nexthop) send(t scrub.Tunnel) (answered bool, err error) {
	if h.conn == nil {
		if h.conn, err = dialNexthop(t); err != nil {
			return false, fmt.Errorf("sending to %s: %w", t.To, errnoOf(err))
		}
	}
	_, err = h.conn.Write([]byte{0})
	if errors.Is(err, syscall.ECONNREFUSED) {
		answered = true
		_, err = h.conn.Write([]byte{0})
	}
	if err == nil || errors.Is(err, syscall.ECONNREFUSED) {
		return answered, nil
	}
	if !errors.Is(err, syscall.EHOSTUNREACH) {
		h.close() // the next one may need another source address
	}
	return false, fmt.Errorf("sending to %s: %w", t.To, errnoOf(err))
}

// errnoOf is the reason alone, without what package net adds.
func errnoOf(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

// dialNexthop sends from the tunnel's own address, or from another one if this
// host does not have that.
func dialNexthop(t scrub.Tunnel) (*net.UDPConn, error) {
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(t.From, 0)), Control: reportErrors}
	far := netip.AddrPortFrom(t.To, discardPort).String()
	conn, err := d.Dial("udp4", far)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		d.LocalAddr = nil
		conn, err = d.Dial("udp4", far)
	}
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// reportErrors has a socket report next hops that do not answer as well. It keeps
// the buffer small: what comes back is not read.
func reportErrors(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = errors.Join(unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
	})
	return errors.Join(err, failed)
}

func (h *nexthop) close() {
	if h.conn != nil {
		_ = h.conn.Close() // nothing is buffered in a datagram socket
	}
	h.conn = nil
}

// states lists the tunnels, sorted.
func (n *nexthops) states() (all []TunnelState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for t, hop := range n.all {
		s := TunnelState{Tunnel: t}
		if hop.err != nil {
			s.Unreachable = hop.err.Error()
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b TunnelState) int { return cmp.Or(a.To.Compare(b.To), a.From.Compare(b.From)) })
	return all
}
