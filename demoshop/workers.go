package demoshop

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// waitEnd is how the wait for a worker ended.
type waitEnd int

const (
	served    waitEnd = iota
	queueFull         // did not wait at all
	tooLate           // waited for Config.Patience
	hungUp            // the client left while waiting
)

// workers is a fixed number of workers with a bounded queue in front, first come, first
// served, as with PHP-FPM.
type workers struct {
	slots    chan struct{} // nil: any number of workers
	queue    int64
	waiting  atomic.Int64
	patience time.Duration
}

func newWorkers(n, queue int, patience time.Duration) *workers {
	w := &workers{queue: int64(queue), patience: patience}
	if n > 0 {
		w.slots = make(chan struct{}, n)
	}
	return w
}

// take waits for a worker, which give returns after served.
func (w *workers) take(ctx context.Context) waitEnd {
	if w.slots == nil {
		return served
	}
	select {
	case w.slots <- struct{}{}:
		return served
	default:
	}
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > w.queue {
		return queueFull
	}
	var late <-chan time.Time
	if w.patience > 0 {
		t := time.NewTimer(w.patience)
		defer t.Stop()
		late = t.C
	}
	select {
	case w.slots <- struct{}{}:
		return served
	case <-late:
		return tooLate
	case <-ctx.Done():
		return hungUp
	}
}

func (w *workers) give() {
	if w.slots != nil {
		<-w.slots
	}
}

// hashesPerSecond is the speed of one idle core: the fastest of several short runs,
// since other processes slow the rest down.
var hashesPerSecond = sync.OnceValue(func() float64 {
	const runs, hashes = 25, 4000
	best := time.Duration(1<<63 - 1)
	for range runs {
		start := time.Now()
		hash(hashes)
		best = min(best, time.Since(start))
	}
	return hashes / max(best, time.Microsecond).Seconds()
})

// burn uses CPU time, not wall-clock time: with too few cores a page takes longer, as
// under a flood.
func burn(cost time.Duration) {
	if cost > 0 {
		hash(int(cost.Seconds() * hashesPerSecond()))
	}
}

func hash(times int) {
	var sum [sha256.Size]byte
	for range times {
		sum = sha256.Sum256(sum[:])
	}
	runtime.KeepAlive(sum)
}
