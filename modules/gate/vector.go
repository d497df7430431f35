package gate

import "github.com/theriac-edge/theriac/watch"

// vectorOf returns the kind of attack that a refused connection belongs to. That of a banned
// source belongs to its shop.
func (p *listenerStats) vectorOf(o outcome) (v watch.Vector, ok bool) {
	switch o {
	case tooFast:
		return watch.TLSFlood, true
	case connections:
		return watch.FewClients, true
	case handshakes:
		return p.halfOpen, true
	}
	return 0, false
}

// see counts one of a vector.
func (c *core) see(p *listenerStats, v watch.Vector) {
	if p.shadow {
		c.counters.Pass(v, watch.ByGate)
	} else {
		c.counters.Stop(v, watch.ByGate)
	}
}

// seeUnfinished counts a connection that was closed in its handshake. One that has sent nothing
// would have begun what others begin at its listener.
func (c *conn) seeUnfinished() {
	c.mu.Lock()
	kind := c.sniffer.kind
	c.mu.Unlock()
	v := c.from.stats.halfOpen
	switch kind {
	case overTLS:
		v = watch.TLSFlood
	case inClear:
		v = watch.SlowHeader
	}
	c.from.gate.see(c.from.stats, v)
}
