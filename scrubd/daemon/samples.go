//go:build linux

package daemon

import (
	"sync"
	"sync/atomic"

	"github.com/theriac-edge/theriac/scrub"
)

const (
	keptSamples = 16384 // for top
	maxWatchers = 16
	watchQueue  = 512 // samples that wait for one watcher
)

// samples passes the kernel's samples on: to watchers as they come, and to top.
type samples struct {
	lost atomic.Uint64 // because a watcher did not keep up

	mu       sync.Mutex
	ring     []scrub.Sample // the newest ones; next is where the oldest is
	next     int
	watchers map[chan scrub.Sample]bool
}

func newSamples() *samples { return &samples{watchers: make(map[chan scrub.Sample]bool)} }

// add takes in one. It never waits.
func (s *samples) add(one scrub.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) < keptSamples {
		s.ring = append(s.ring, one)
	} else {
		s.ring[s.next] = one
		s.next = (s.next + 1) % keptSamples
	}
	for out := range s.watchers {
		select {
		case out <- one:
		default:
			s.lost.Add(1)
		}
	}
}

// watch returns samples as they come, until stop is called; nil if there are
// maxWatchers already.
func (s *samples) watch() (out chan scrub.Sample, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.watchers) >= maxWatchers {
		return nil, nil
	}
	out = make(chan scrub.Sample, watchQueue)
	s.watchers[out] = true
	return out, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, out)
	}
}

// watching is how many watchers there are.
func (s *samples) watching() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers)
}

// kept copies the newest samples, oldest first.
func (s *samples) kept() []scrub.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]scrub.Sample, 0, len(s.ring))
	return append(append(all, s.ring[s.next:]...), s.ring[:s.next]...)
}
