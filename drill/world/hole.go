package world

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// A hole is the null route of one shop's address, as clients see it: their packets
// vanish. A connection that is being opened sends its SYN again, and one that is open
// its data, so both go on if the route comes back before the client gives up.
type hole struct {
	begin   atomic.Int64 // of the run; 0: not yet
	windows []scenario.Window
}

// isOpen reports whether packets vanish at this moment.
func (h *hole) isOpen() bool {
	begin := h.begin.Load()
	since := time.Duration(time.Now().UnixNano() - begin)
	for _, w := range h.windows {
		if begin != 0 && since >= w.From && since < w.To {
			return true
		}
	}
	return false
}

// retries are when a SYN is sent again, see TCP_RTO_MIN and RFC 6298.
var retries = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// around is the way to the shop through the hole.
func (h *hole) around(dial load.Dial) load.Dial {
	return func(ctx context.Context, from netip.Addr) (net.Conn, error) {
		giveUp := time.After(load.AnswerTimeout)
		for _, again := range append(retries, time.Hour) {
			if !h.isOpen() {
				conn, err := dial(ctx, from)
				if err != nil {
					return nil, err
				}
				return &stallingConn{Conn: conn, hole: h}, nil
			}
			select {
			case <-time.After(again):
			case <-giveUp:
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
}

// A stallingConn is a connection through a hole.
type stallingConn struct {
	net.Conn
	hole     *hole
	deadline atomic.Int64
	closed   atomic.Bool
}

// stall waits while packets vanish, until the deadline.
func (c *stallingConn) stall() error {
	for c.hole.isOpen() {
		switch at := c.deadline.Load(); {
		case c.closed.Load():
			return net.ErrClosed
		case at != 0 && time.Now().UnixNano() > at:
			return &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// Read implements net.Conn. What arrived while packets vanish is held back.
func (c *stallingConn) Read(b []byte) (int, error) {
	if err := c.stall(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if stalled := c.stall(); stalled != nil {
		return 0, stalled
	}
	return n, err
}

// Write implements net.Conn.
func (c *stallingConn) Write(b []byte) (int, error) {
	if err := c.stall(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetDeadline implements net.Conn.
func (c *stallingConn) SetDeadline(t time.Time) error {
	c.deadline.Store(0)
	if !t.IsZero() {
		c.deadline.Store(t.UnixNano())
	}
	return c.Conn.SetDeadline(t)
}

// Close implements net.Conn.
func (c *stallingConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}
