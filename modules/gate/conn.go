package gate

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is an accepted connection. It inspects what the client sends until the handshake
// has finished; after that a read costs one atomic load. Until then no read deadline
// can be later than the gate's: so the server, which waits in Read, is interrupted
// without a timer or goroutine of ours.
type conn struct {
	*net.TCPConn
	from *listener
	slot slot
	by   time.Time // when the handshake must have finished

	finished atomic.Bool
	closed   atomic.Bool

	mu       sync.Mutex
	sniffer  handshakeSniffer
	deadline time.Time // for reading, as the server has set it

	// Fields of halfOpen, under its lock.
	queued       bool
	older, newer *conn
}

// enter wraps an accepted connection, unless it is exempt.
func (l *listener) enter(tcp *net.TCPConn, s slot, now time.Time) net.Conn {
	if !s.taken {
		return tcp
	}
	g := l.gate
	c := &conn{TCPConn: tcp, from: l, slot: s, by: now.Add(time.Duration(g.HandshakeTimeout))}
	l.open.Add(1)
	size := g.halfOpen
	if g.Shadow {
		size = maxLimit
	} else {
		_ = tcp.SetReadDeadline(c.by) // fails if it is closed already; then so does Read
	}
	if displaced := g.state.halfOpen.add(c, size); displaced != nil {
		displaced.from.displaced.Inc()
		displaced.seeUnfinished()
		_ = displaced.SetLinger(0)
		_ = displaced.Close()
	}
	return c
}

// Read reads, and looks for the end of the handshake.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 && !c.finished.Load() {
		c.sniff(p[:n])
	}
	return n, err
}

// WriteTo goes through Read until the handshake has finished; TCPConn's own would not.
func (c *conn) WriteTo(w io.Writer) (int64, error) {
	if c.finished.Load() {
		return c.TCPConn.WriteTo(w)
	}
	return io.Copy(w, struct{ io.Reader }{c})
}

func (c *conn) sniff(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished.Load() || !c.sniffer.finished(p) {
		return
	}
	c.finished.Store(true)
	if !c.from.gate.Shadow {
		_ = c.TCPConn.SetReadDeadline(c.deadline)
	}
	state := c.from.gate.state
	state.halfOpen.remove(c)
	state.table.finish(&c.slot)
}

// SetReadDeadline sets a deadline no later than the gate's until the handshake has
// finished.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if !c.finished.Load() && !c.from.gate.Shadow && (t.IsZero() || t.After(c.by)) {
		t = c.by
	}
	return c.TCPConn.SetReadDeadline(t)
}

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// Close frees the connection's slot.
func (c *conn) Close() error {
	if !c.closed.Swap(true) {
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
	g.state.table.leave(&c.slot, unfinished)
	if !unfinished {
		return
	}
	g.state.halfOpen.remove(c)
	if !time.Now().Before(c.by) {
		c.from.slow.Inc()
		c.seeUnfinished()
		if !g.Shadow {
			_ = c.SetLinger(0)
		}
	}
}
