package tally

import (
	"time"

	"github.com/theriac-edge/theriac/watch"
)

// Requests is how many requests of the shop are over since the edge started.
func (t *Tally) Requests() int64 {
	return t.sum(func(l *lane) uint64 { return l.left.Load() + l.sockets.Load() })
}

// Refused is how many of these a stage has refused.
func (t *Tally) Refused() int64 { return t.sum(func(l *lane) uint64 { return l.refused.Load() }) }

// Failed is how many of these the shop has answered with a status from 500 on.
func (t *Tally) Failed() int64 { return t.sum(func(l *lane) uint64 { return l.failed.Load() }) }

func (t *Tally) sum(of func(*lane) uint64) (n int64) {
	for i := range t.lanes {
		n += int64(of(&t.lanes[i]))
	}
	return n
}

// InWork is how many requests are not over, without WebSockets.
func (t *Tally) InWork() (n int64) {
	for i := range t.lanes { // a request that leaves meanwhile is counted as there
		n -= int64(t.lanes[i].left.Load())
	}
	for i := range t.lanes {
		l := &t.lanes[i]
		n += int64(l.assets.Load() + l.others.Load())
		for s := range l.arrived {
			n += int64(l.arrived[s].Load())
		}
	}
	return n
}

// Counts returns what package watch adds up over all edges. Hidden is left to those that know of
// bans below HTTP. It reads what comes last in a request first, so that no part is more than
// its whole.
func (t *Tally) Counts(now time.Time) (c watch.Counts) {
	waiting := int64(0)
	for i := range t.lanes {
		l := &t.lanes[i]
		waiting += l.waiting()
		served, unserved := l.answered[1][0].Load(), l.unserved.Load()
		badly := l.answered[1][1].Load()
		bad := badly + l.answered[0][1].Load()
		answered := served + bad + l.answered[0][0].Load()
		c.Answered += answered
		c.Bad += bad
		c.Served += served
		c.Customers += served + badly + unserved
		c.Orders += l.orders.Load()
		c.Gone += l.gone.Load()
		c.Crowded += l.crowded.Load()
		c.Solved += l.solved.Load()
		c.Asked += l.asked.Load()
		for control := range c.Stopped {
			c.Stopped[control] += l.stopped[control].Load()
		}
		for s := range c.Through {
			c.Through[s] += l.through[s].Load()
			c.Vouched[s] += l.vouched[s].Load()
		}
	}
	for i := range t.lanes {
		l := &t.lanes[i]
		c.Assets += l.assets.Load()
		for s := range c.Arrived {
			c.Arrived[s] += l.arrived[s].Load()
		}
	}
	c.Waiting = uint32(waiting)
	c.Distinct = t.strangers.estimate(t.turn(now))
	return c
}

// attempts is how often waiting looks again. A look takes nanoseconds.
const attempts = 16

// waiting is how many requests have arrived and wait for their answer. That is a difference of
// two counts, so it looks again where some request has ended meanwhile: whoever reads them may
// have lost its core in between.
func (l *lane) waiting() int64 {
	ended, waiting := l.ended(), int64(0)
	for range attempts {
		waiting = -ended
		for s := range l.arrived {
			waiting += int64(l.arrived[s].Load())
		}
		before := ended
		if ended = l.ended(); ended == before {
			break
		}
	}
	return max(0, waiting)
}

// ended is how many requests wait no more.
func (l *lane) ended() (n int64) {
	for vouched := range l.answered {
		for bad := range l.answered[vouched] {
			n += int64(l.answered[vouched][bad].Load())
		}
	}
	return n + int64(l.unanswered.Load())
}
