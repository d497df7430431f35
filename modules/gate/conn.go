package gate

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is an accepted connection. It watches what the client sends until the
// handshake is over; from then on reading costs one look at a flag. Until then
// no deadline for reading can be later than the gate's, whoever sets it: so the
// server behind, which waits in Read, needs no timer and no goroutine of ours to
// be interrupted.
type conn struct {
	*net.TCPConn
	from *listener
	seat seat
	by   time.Time // when it must be finished

	finished atomic.Bool
	left     atomic.Bool

	mu       sync.Mutex
	opening  opening
	deadline time.Time // for reading, as the server has set it

	// Of waiting, under its lock.
	waits        bool
	older, newer *conn
}

// enter makes the connection of a client who may come in. One that is exempt is
// left as it is.
func (l *listener) enter(tcp *net.TCPConn, s seat, now time.Time) net.Conn {
	if !s.taken {
		return tcp
	}
	g := l.gate
	c := &conn{TCPConn: tcp, from: l, seat: s, by: now.Add(time.Duration(g.HandshakeTimeout))}
	l.open.Add(1)
	room := g.Handshakes
	if g.Shadow {
		room = maxRoom
	} else {
		_ = tcp.SetReadDeadline(c.by) // fails if it is closed already; then so does Read
	}
	if displaced := g.hall.waiting.add(c, room); displaced != nil {
		displaced.from.displaced.Inc()
		_ = displaced.SetLinger(0)
		_ = displaced.Close()
	}
	return c
}

// Read reads, and watches for the end of the handshake.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 && !c.finished.Load() {
		c.watch(p[:n])
	}
	return n, err
}

// WriteTo keeps the handshake in sight, which the TCPConn's own would not.
func (c *conn) WriteTo(w io.Writer) (int64, error) {
	if c.finished.Load() {
		return c.TCPConn.WriteTo(w)
	}
	return io.Copy(w, struct{ io.Reader }{c})
}

func (c *conn) watch(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished.Load() || !c.opening.ends(p) {
		return
	}
	c.finished.Store(true)
	if !c.from.gate.Shadow {
		_ = c.TCPConn.SetReadDeadline(c.deadline)
	}
	hall := c.from.gate.hall
	hall.waiting.remove(c)
	hall.table.finish(&c.seat)
}

// SetReadDeadline keeps to the gate's deadline until the handshake is over.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if !c.finished.Load() && !c.from.gate.Shadow && (t.IsZero() || t.After(c.by)) {
		t = c.by
	}
	return c.TCPConn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline, and the same for writing.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// Close gives the connection's place to others.
func (c *conn) Close() error {
	if !c.left.Swap(true) {
		c.leave()
	}
	return c.TCPConn.Close()
}

func (c *conn) leave() {
	c.mu.Lock()
	unfinished := !c.finished.Swap(true)
	c.mu.Unlock()
	g := c.from.gate
	c.from.open.Add(-1)
	g.hall.table.leave(&c.seat, unfinished)
	if !unfinished {
		return
	}
	g.hall.waiting.remove(c)
	if !time.Now().Before(c.by) {
		c.from.slow.Inc()
		if !g.Shadow {
			_ = c.SetLinger(0)
		}
	}
}
