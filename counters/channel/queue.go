package channel

import (
	"context"
	"sync"
	"sync/atomic"
)

// Bounds of what waits.
const (
	maxWaiting      = 64
	maxWaitingBytes = 4 * MaxMessage
)

// item is a message that waits.
type item struct{ name, message string }

// queue is of messages that wait. Where there is no room for another the oldest give way.
type queue struct {
	dropped *atomic.Int64
	wake    chan struct{}

	mu    sync.Mutex
	items []item
	bytes int
}

func newQueue(dropped *atomic.Int64) *queue {
	return &queue{dropped: dropped, wake: make(chan struct{}, 1)}
}

func (q *queue) add(one item) {
	q.mu.Lock()
	q.items = append(q.items, one)
	q.bytes += len(one.message)
	for len(q.items) > maxWaiting || q.bytes > maxWaitingBytes {
		q.bytes -= len(q.items[0].message)
		q.items[0] = item{}
		q.items = q.items[1:]
		q.dropped.Add(1)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// wait empties the queue as soon as something is in it. When the context ends it returns nil.
func (q *queue) wait(ctx context.Context) []item {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
		q.mu.Lock()
		items := q.items
		q.items, q.bytes = nil, 0
		q.mu.Unlock()
		if len(items) > 0 {
			return items
		}
	}
}
