package layer4

import (
	"sync/atomic"

	"github.com/theriac-edge/theriac/watch"
)

// Counters counts what the parts of one process see of the tier's vectors. Its methods may be
// called at the same time; they wait for nothing and allocate nothing.
type Counters struct {
	stopped, passed [watch.Vectors][watch.Controls]atomic.Uint64
}

// Process are the counters of this process: like its metrics, they outlive reloads.
var Process Counters

// Stop counts what a control has stopped of a vector.
func (c *Counters) Stop(v watch.Vector, by watch.Control) { c.stopped[v][by].Add(1) }

// Pass counts what a control in shadow would have stopped.
func (c *Counters) Pass(v watch.Vector, by watch.Control) { c.passed[v][by].Add(1) }

// SlowBody counts a request whose body did not come in time.
func (c *Counters) SlowBody() { c.Stop(watch.SlowBody, watch.ByFirewall) }

// Socket counts a WebSocket that a limit did not let open.
func (c *Counters) Socket() { c.Stop(watch.WebSocket, watch.ByLimit) }

// Counts returns what was counted so far.
func (c *Counters) Counts() (counts watch.TierCounts) {
	for v := range c.stopped {
		for by := range c.stopped[v] {
			counts.Stopped[v][by], counts.Passed[v][by] = c.stopped[v][by].Load(), c.passed[v][by].Load()
		}
	}
	return counts
}
