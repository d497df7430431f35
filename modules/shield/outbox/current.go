package outbox

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/theriac-edge/theriac/alert"
)

// Current is the outbox of one configuration. Its zero value has no receivers, and sends
// nothing.
type Current struct {
	mu    sync.Mutex
	edge  *Edge // nil until the configuration is in force
	ended bool
	box   atomic.Pointer[Outbox]
}

// Take has alerts sent to these receivers from now on. Those before, if they are others, get
// what waits for them.
func (c *Current) Take(receivers alert.Config, node string) error {
	next, err := acquire(receivers, node)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		next.release()
		return nil
	}
	if c.edge != nil {
		next.edge.Store(c.edge)
	}
	if before := c.box.Swap(next); before != nil {
		before.release()
	}
	return nil
}

// InForce has the outbox work for this configuration.
func (c *Current) InForce(edge Edge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.edge = &edge
	if box := c.box.Load(); box != nil {
		box.edge.Store(c.edge)
	}
}

// End is called when nothing sends by this configuration any more. It returns when the
// receivers have what waits for them, or had the time for it, unless another configuration has
// the same.
func (c *Current) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if box := c.box.Swap(nil); box != nil {
		box.release()
	}
}

// Send has the receivers told of an event. It never waits.
func (c *Current) Send(e alert.Event) {
	if box := c.box.Load(); box != nil {
		box.send(e)
	}
}

// Status returns what has become of the alerts to each receiver.
func (c *Current) Status() []alert.Status {
	if box := c.box.Load(); box != nil {
		return box.alerts.Status()
	}
	return nil
}

// Test sends a test to one receiver, see alert.Alerts.
func (c *Current) Test(ctx context.Context, receiver string) (said string, err error) {
	box := c.box.Load()
	if box == nil {
		return "", errNone
	}
	said, err = box.alerts.Test(ctx, receiver)
	return said, withHint(err)
}
