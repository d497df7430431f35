//go:build linux

package main

import (
	"sync"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// overTime is how long rates are averages over.
const overTime = 5 * time.Second

// A survey looks at the counts each second and tells how fast they grow.
type survey struct {
	read func() ([]scrub.Tally, error)

	mu   sync.Mutex
	past []look // oldest first
}

// look is what the counts were at one time.
type look struct {
	at      time.Time
	tallies map[counted]scrub.Tally
}

// counted names one count.
type counted struct {
	policy string
	reason scrub.Reason
}

// flow is one count and how fast it grows.
type flow struct {
	scrub.Tally
	Verdict          string  `json:"verdict"`
	PacketsPerSecond float64 `json:"packets_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"`
	WatchedPerSecond float64 `json:"watched_per_second,omitempty"`
}

// take looks at the counts.
func (s *survey) take(now time.Time) error {
	all, err := s.read()
	if err != nil {
		return err
	}
	l := look{now, make(map[counted]scrub.Tally, len(all))}
	for _, t := range all {
		l.tallies[counted{t.Policy, t.Reason}] = t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past = append(s.past, l)
	for len(s.past) > 2 && now.Sub(s.past[1].at) >= overTime {
		s.past = s.past[1:]
	}
	return nil
}

// flows are the counts as they are, with their rates.
func (s *survey) flows(now time.Time) ([]flow, error) {
	all, err := s.read()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var before look
	if len(s.past) > 0 {
		before = s.past[0]
	}
	seconds := now.Sub(before.at).Seconds()
	flows := []flow{}
	for _, t := range all {
		f := flow{Tally: t, Verdict: t.Reason.Action().String()}
		if was := before.tallies[counted{t.Policy, t.Reason}]; before.tallies != nil && seconds > 0 {
			f.PacketsPerSecond = perSecond(was.Packets, t.Packets, seconds)
			f.BytesPerSecond = perSecond(was.Bytes, t.Bytes, seconds)
			f.WatchedPerSecond = perSecond(was.Watched, t.Watched, seconds)
		}
		flows = append(flows, f)
	}
	return flows, nil
}

// perSecond is the rate of a count. A policy that was forgotten and came again
// counts anew.
func perSecond(was, is uint64, seconds float64) float64 {
	if is < was {
		was = 0
	}
	return float64(is-was) / seconds
}
