package gate

import "sync"

// halfOpen is the queue of connections that have not finished their handshake, oldest
// first.
type halfOpen struct {
	mu             sync.Mutex
	oldest, newest *conn
	n              int
}

// add appends a connection. If there are more than size then, it removes the oldest and
// returns it, for the caller to close.
func (h *halfOpen) add(c *conn, size int) (displaced *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.queued, c.older = true, h.newest
	if h.newest != nil {
		h.newest.newer = c
	} else {
		h.oldest = c
	}
	h.newest = c
	h.n++
	if h.n > size {
		displaced = h.oldest
		h.unlink(displaced)
	}
	return displaced
}

// remove removes a connection that has finished its handshake or was closed.
func (h *halfOpen) remove(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.queued {
		h.unlink(c)
	}
}

func (h *halfOpen) unlink(c *conn) {
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		h.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		h.newest = c.older
	}
	c.queued, c.older, c.newer = false, nil, nil
	h.n--
}

func (h *halfOpen) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.n
}
