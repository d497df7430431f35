//go:build linux

package main

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

// The dataplane sends packets into a tunnel only while the host's own stack
// knows the next hop's address on the link, which it asks for and remembers when
// it sends something itself. So scrubd has it send a byte now and then, to the
// port at the far end that throws everything away (RFC 863).
const (
	discardPort = 9
	wayPace     = 2 * time.Second

	// A byte for which nobody tells the next hop's address is given up after
	// three seconds, and the next one waits for as long.
	wayPatience = 3 * wayPace
)

// ways are the tunnels' ways, as the host's own stack knows them.
type ways struct {
	log *slog.Logger

	mu  sync.Mutex
	all map[scrub.Tunnel]*way
}

// way is that of one tunnel.
type way struct {
	conn  *net.UDPConn
	lost  error
	since time.Time // when a byte was last given up
}

// wayReport is how one of them is.
type wayReport struct {
	scrub.Tunnel
	Lost string `json:"lost,omitempty"` // why; empty: it is known
}

func newWays(log *slog.Logger) *ways { return &ways{log: log, all: make(map[scrub.Tunnel]*way)} }

// keep has them known until the context ends.
func (ws *ways) keep(ctx context.Context, tunnels func() []scrub.Tunnel) error {
	tick := time.NewTicker(wayPace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ws.close()
		case <-tick.C:
			ws.nudge(tunnels())
		}
	}
}

// nudge has the host's own stack send something along the ways of these tunnels,
// and forgets those of others.
func (ws *ways) nudge(tunnels []scrub.Tunnel) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for t, w := range ws.all {
		if !slices.Contains(tunnels, t) {
			w.close()
			delete(ws.all, t)
		}
	}
	for _, t := range tunnels {
		w := ws.all[t]
		if w == nil {
			w = new(way)
			ws.all[t] = w
		}
		heard, err := w.nudge(t)
		if err != nil {
			w.since = time.Now()
		} else if !heard && time.Since(w.since) < wayPatience {
			err = w.lost
		}
		if (err == nil) != (w.lost == nil) {
			ws.tell(t, err)
		}
		w.lost = err
	}
}

func (ws *ways) tell(t scrub.Tunnel, err error) {
	if err != nil {
		ws.log.Error("the way into a tunnel is lost; what is meant for it is dropped under no_route", "to", t.To, "error", err)
		return
	}
	ws.log.Info("the way into a tunnel is known again", "to", t.To)
}

// nudge sends a byte. The socket tells of what came of those before: that nobody
// listens at the far end is what its host says, so it was heard.
func (w *way) nudge(t scrub.Tunnel) (heard bool, err error) {
	if w.conn == nil {
		if w.conn, err = dialWay(t); err != nil {
			return false, fmt.Errorf("sending to %s: %w", t.To, plain(err))
		}
	}
	_, err = w.conn.Write([]byte{0})
	if errors.Is(err, syscall.ECONNREFUSED) {
		heard = true
		_, err = w.conn.Write([]byte{0})
	}
	if err == nil || errors.Is(err, syscall.ECONNREFUSED) {
		return heard, nil
	}
	if !errors.Is(err, syscall.EHOSTUNREACH) {
		w.close() // the next one may go from another address
	}
	return false, fmt.Errorf("sending to %s: %w", t.To, plain(err))
}

// dialWay sends from the tunnel's own address. Where the host does not have that
// itself, another one must do.
func dialWay(t scrub.Tunnel) (*net.UDPConn, error) {
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(t.From, 0)), Control: hearAll}
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

// hearAll has a socket tell of next hops that do not answer, too, which may come
// back. It keeps little of what nobody reads.
func hearAll(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = errors.Join(unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
	})
	return errors.Join(err, failed)
}

func (w *way) close() {
	if w.conn != nil {
		_ = w.conn.Close() // a datagram's socket has nothing left to say
	}
	w.conn = nil
}

func (ws *ways) close() error {
	ws.nudge(nil)
	return nil
}

// reports lists them, sorted.
func (ws *ways) reports() (all []wayReport) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for t, w := range ws.all {
		r := wayReport{Tunnel: t}
		if w.lost != nil {
			r.Lost = w.lost.Error()
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b wayReport) int { return cmp.Or(a.To.Compare(b.To), a.From.Compare(b.From)) })
	return all
}
