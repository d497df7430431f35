package tally

import (
	"time"

	"github.com/theriac-edge/theriac/watch"
)

// Requests is how many requests of the shop are over since the edge started.
func (t *Tally) Requests() int64 { return int64(t.seldom.sockets.Load()) + t.over() }

// Refused is how many of these a stage has refused.
func (t *Tally) Refused() int64 {
	return int64(t.seldom.aside.Load()) + t.sum(func(l *lane) (n int64) {
		for control := range l.stopped {
			n += int64(l.stopped[control].Load())
		}
		return n
	})
}

// Failed is how many of these the shop has answered with a status from 500 on.
func (t *Tally) Failed() int64 { return int64(t.seldom.failed.Load()) }

func (t *Tally) sum(of func(*lane) int64) (n int64) {
	for i := range t.lanes {
		n += of(&t.lanes[i])
	}
	return n
}

// InWork is how many requests are not over, without WebSockets.
func (t *Tally) InWork() int64 {
	over := t.over() // a request that leaves meanwhile is counted as there
	began := t.sum(func(l *lane) int64 { return l.began() + int64(l.assets.Load()) })
	return began + int64(t.seldom.others.Load()) - over
}

// over is how many requests are over, without WebSockets.
func (t *Tally) over() int64 {
	return t.sum(func(l *lane) int64 { return l.sum((*ended).over) + int64(l.left.Load()) })
}

// Counts returns what package watch adds up over all edges. Hidden is left to those that know of
// bans below HTTP. It reads what comes last in a request first, so that no part is more than
// its whole.
func (t *Tally) Counts(now time.Time) (c watch.Counts) {
	c.Orders, c.Gone = t.seldom.orders.Load(), t.seldom.gone.Load()
	c.Solved, c.Asked = t.seldom.solved.Load(), t.seldom.asked.Load()
	unserved, waiting := t.seldom.unserved.Load(), int64(0)
	for i := range t.lanes {
		l := &t.lanes[i]
		waiting += l.waiting()
		served, badly := l.answered[1][0].all(), l.answered[1][1].all()
		bad := badly + l.answered[0][1].all()
		c.Answered += served + bad + l.answered[0][0].all()
		c.Bad += bad
		c.Served += served
		c.Customers += served + badly
		c.Crowded += l.crowded.Load()
		for control := range l.stopped {
			c.Stopped[firstStage+watch.Control(control)] += l.stopped[control].Load()
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
	c.Customers += unserved
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
		waiting = l.began() - ended
		before := ended
		if ended = l.ended(); ended == before {
			break
		}
	}
	return max(0, waiting)
}

// began is how many dynamic requests have arrived.
func (l *lane) began() (n int64) {
	for s := range l.arrived {
		n += int64(l.arrived[s].Load())
	}
	return n
}

// ended is how many of them wait no more.
func (l *lane) ended() int64 { return l.sum((*ended).all) }

func (l *lane) sum(of func(*ended) uint64) int64 {
	n := of(&l.unanswered)
	for vouched := range l.answered {
		for bad := range l.answered[vouched] {
			n += of(&l.answered[vouched][bad])
		}
	}
	return int64(n)
}
