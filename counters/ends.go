package counters

import (
	pile "container/heap"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
)

// ends are rows of the list of bans, the one that ends first in front.
type ends []*row

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].Until.Before(e[j].Until) }

func (e ends) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

// Push is for container/heap.
func (e *ends) Push(r any) {
	r.(*row).index = len(*e)
	*e = append(*e, r.(*row))
}

// Pop is for container/heap.
func (e *ends) Pop() any {
	last := len(*e) - 1
	r := (*e)[last]
	(*e)[last], *e = nil, (*e)[:last]
	return r
}

func (e *ends) push(r *row)   { pile.Push(e, r) }
func (e *ends) remove(r *row) { pile.Remove(e, r.index) }

// listen calls back with all bans that are known, and from then on with each
// change.
func (b *bans) listen(call func(ban.Event)) (stop func()) {
	b.mu.Lock()
	due := map[topic]ban.Event{}
	for r := range b.rows() {
		if !r.lifted {
			due[topic{place: r.place()}] = r.news()
		}
	}
	l, stop := b.join(func(_ topic, news ban.Event) { call(news) }, due)
	b.mu.Unlock()
	b.callUp(l)
	return stop
}

// wake has expire called at the given time or before. The caller holds the
// lock.
func (b *bans) wake(at time.Time) {
	if b.closed || !b.at.IsZero() && !at.Before(b.at) {
		return
	}
	b.at = at
	if b.next != nil {
		b.next.Stop()
	}
	b.next = time.AfterFunc(time.Until(at), b.expire)
}

// expire forgets what is over.
func (b *bans) expire() {
	b.mu.Lock()
	b.at = time.Time{}
	for now, i := time.Now(), 0; i < len(b.ends); {
		switch e := b.ends[i]; {
		case e.Len() == 0:
			i++
		case e[0].over(now):
			b.drop(e[0])
		default:
			b.wake(e[0].Until)
			i++
		}
	}
	b.mu.Unlock()
	b.deliver()
}

// close ends the waiting for bans to expire.
func (b *bans) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.next != nil {
		b.next.Stop()
	}
}
