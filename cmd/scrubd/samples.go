//go:build linux

package main

import (
	"sync"
	"sync/atomic"

	"github.com/theriac-edge/theriac/scrub"
)

const (
	keptSamples = 16384 // for top
	watchers    = 16    // at a time
	watchQueue  = 512   // samples that wait for one watcher
)

// samples hands on what the kernel shows: to who watches, and to top.
type samples struct {
	lost atomic.Uint64 // by watchers that were too slow

	mu   sync.Mutex
	ring []scrub.Sample // the newest ones; next is where the oldest is
	next int
	outs map[chan scrub.Sample]bool
}

func newSamples() *samples { return &samples{outs: make(map[chan scrub.Sample]bool)} }

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
	for out := range s.outs {
		select {
		case out <- one:
		default:
			s.lost.Add(1)
		}
	}
}

// watch returns samples as they come, until stop is called; nil if too many
// watch already.
func (s *samples) watch() (out chan scrub.Sample, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.outs) >= watchers {
		return nil, nil
	}
	out = make(chan scrub.Sample, watchQueue)
	s.outs[out] = true
	return out, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.outs, out)
	}
}

// kept copies the newest samples, oldest first.
func (s *samples) kept() []scrub.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]scrub.Sample, 0, len(s.ring))
	return append(append(all, s.ring[s.next:]...), s.ring[:s.next]...)
}
