package incidents

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Between two tries of what fails.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
)

// outbox has a goroutine do what may wait or fail. Of one ID only what was put last is done, and
// there is room for a fixed number: the oldest give way.
type outbox[T any] struct {
	most   int
	do     func(context.Context, T) error // with an error it is tried again, before all others
	report func(error)                    // is told how each try went

	mu    sync.Mutex
	ids   []string
	items map[string]T
	doing bool
	fails bool // the last try has failed
	lost  int  // gave way

	wake, soon chan struct{}
	closing    chan struct{}
	hard       context.Context
	endHard    context.CancelFunc
	running    sync.WaitGroup
	once       sync.Once
}

func newOutbox[T any](most int, do func(context.Context, T) error, report func(error)) *outbox[T] {
	o := &outbox[T]{
		most: most, do: do, report: report, items: map[string]T{},
		wake: make(chan struct{}, 1), soon: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	o.hard, o.endHard = context.WithCancel(context.Background())
	o.running.Go(o.run)
	return o
}

// put has something done. It never waits.
func (o *outbox[T]) put(id string, item T) {
	o.mu.Lock()
	if _, known := o.items[id]; !known {
		o.ids = append(o.ids, id)
	}
	o.items[id] = item
	if len(o.ids) > o.most {
		delete(o.items, o.ids[0])
		o.ids = slices.Delete(o.ids, 0, 1)
		o.lost++
	}
	o.mu.Unlock()
	signal(o.wake)
}

// retry has what has failed tried again at once: there is hope.
func (o *outbox[T]) retry() { signal(o.soon) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// waiting is how much is still to be done, whether the last try has failed, and how much has given
// way.
func (o *outbox[T]) waiting() (items int, fails bool, lost int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	items = len(o.ids)
	if o.doing {
		items++
	}
	return items, o.fails, o.lost
}

// run does one after the other.
func (o *outbox[T]) run() {
	wait := &backoff.ExponentialBackOff{InitialInterval: firstWait, Multiplier: 2, RandomizationFactor: 0.2, MaxInterval: maxWait}
	for {
		id, item, ok := o.take()
		if !ok {
			select {
			case <-o.wake:
				continue
			case <-o.closing:
				if items, _, _ := o.waiting(); items > 0 {
					continue
				}
				return
			}
		}
		err := o.do(o.hard, item)
		o.report(err)
		o.done(id, item, err)
		if err == nil {
			wait.Reset()
			continue
		}
		again := time.NewTimer(wait.NextBackOff())
		select {
		case <-again.C:
		case <-o.soon:
		case <-o.closing:
			again.Stop()
			o.lastTry()
			return
		}
		again.Stop()
	}
}

// lastTry tries everything once more, after something has failed.
func (o *outbox[T]) lastTry() {
	for {
		_, item, ok := o.take()
		if !ok || o.hard.Err() != nil {
			return
		}
		if err := o.do(o.hard, item); err != nil {
			o.report(err)
		}
	}
}

func (o *outbox[T]) take() (id string, item T, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ids) == 0 {
		return "", item, false
	}
	id, o.doing = o.ids[0], true
	item = o.items[id]
	o.ids = slices.Delete(o.ids, 0, 1)
	delete(o.items, id)
	return id, item, true
}

// done takes in how a try went: what failed returns to the front, unless it was put anew or there
// is no room.
func (o *outbox[T]) done(id string, item T, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.doing, o.fails = false, err != nil
	if _, anew := o.items[id]; anew || err == nil {
		return
	}
	if len(o.ids) >= o.most {
		o.lost++
		return
	}
	o.ids = slices.Insert(o.ids, 0, id)
	o.items[id] = item
}

// close tries what waits once more, until ctx ends.
func (o *outbox[T]) close(ctx context.Context) {
	o.once.Do(func() { close(o.closing) })
	stop := context.AfterFunc(ctx, o.endHard)
	o.running.Wait()
	stop()
	o.endHard()
}
