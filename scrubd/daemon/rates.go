//go:build linux

package daemon

import (
	"sync"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
)

// rateWindow is the time that rates are averages over.
const rateWindow = 5 * time.Second

// rates measures how fast the counts of the dataplane grow.
type rates struct {
	read func() ([]scrub.Tally, error)

	mu   sync.Mutex
	past []measurement // oldest first
}

// measurement is what the counts were at one time.
type measurement struct {
	at      time.Time
	tallies map[tallyKey]scrub.Tally
}

type tallyKey struct {
	policy string
	reason scrub.Reason
}

// TrafficRate is the packets of one policy for one reason, with their rates.
type TrafficRate struct {
	scrub.Tally
	Action           string  `json:"action"`
	PacketsPerSecond float64 `json:"packets_per_second"`
	BytesPerSecond   float64 `json:"bytes_per_second"`
	WatchedPerSecond float64 `json:"watched_per_second,omitempty"`
}

// measure is called once per second.
func (r *rates) measure(now time.Time) error {
	all, err := r.read()
	if err != nil {
		return err
	}
	m := measurement{now, make(map[tallyKey]scrub.Tally, len(all))}
	for _, t := range all {
		m.tallies[tallyKey{t.Policy, t.Reason}] = t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past = append(r.past, m)
	for len(r.past) > 2 && now.Sub(r.past[1].at) >= rateWindow {
		r.past = r.past[1:]
	}
	return nil
}

// current returns the counts with their rates.
func (r *rates) current(now time.Time) ([]TrafficRate, error) {
	all, err := r.read()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var before measurement
	if len(r.past) > 0 {
		before = r.past[0]
	}
	seconds := now.Sub(before.at).Seconds()
	rated := []TrafficRate{}
	for _, t := range all {
		one := TrafficRate{Tally: t, Action: t.Reason.Action().String()}
		if was := before.tallies[tallyKey{t.Policy, t.Reason}]; before.tallies != nil && seconds > 0 {
			one.PacketsPerSecond = perSecond(was.Packets, t.Packets, seconds)
			one.BytesPerSecond = perSecond(was.Bytes, t.Bytes, seconds)
			one.WatchedPerSecond = perSecond(was.Watched, t.Watched, seconds)
		}
		rated = append(rated, one)
	}
	return rated, nil
}

// counts are those of all policies together, without rates.
func (d *Daemon) counts() (c client.Counts, err error) {
	all, err := d.rates.read()
	c = client.Counts{Instance: d.list.Instance(), Reasons: map[string]client.ReasonCount{}}
	for _, t := range all {
		sum := c.Reasons[t.Reason.String()]
		sum.Packets += t.Packets
		sum.Watched += t.Watched
		c.Reasons[t.Reason.String()] = sum
	}
	return c, err
}

// perSecond is the rate of a count. A policy that was removed and added again
// starts at zero.
func perSecond(was, is uint64, seconds float64) float64 {
	if is < was {
		was = 0
	}
	return float64(is-was) / seconds
}
