package layer4

import (
	"context"
	"hash/fnv"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/watch"
)

const (
	readEvery   = time.Second / 2 // so that an onset is right to two seconds
	lastRetry   = 10 * time.Second
	staleAfter  = 3 * time.Second // without a reading
	longestLate = 10              // seconds over which a late reading is told
)

// packets is what scrubd has counted since the process started.
type packets struct {
	mu        sync.Mutex
	address   string // of the reading
	reading   map[string]client.ReasonCount
	at        time.Time // of the reading
	dataplane uint64    // that it is of

	told, late packetCounts
	ticks      uint64 // over which late is told
}

// packetCounts has, for each vector, packets that were stopped and those that only would have
// been.
type packetCounts [watch.Vectors][2]uint64

// run reads scrubd, in a loop of its own, so that nobody else waits for it.
func (p *packets) run(ctx context.Context, address func() string) {
	reader, wait := client.NewReader(), readEvery
	defer reader.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = readEvery
		at := address()
		if at == "" {
			continue
		}
		counts, err := reader.Read(ctx, at)
		if err != nil { // operators know: the client that pushes bans meets the same
			wait = min(p.failures(), lastRetry)
			continue
		}
		p.take(at, counts, time.Now())
	}
}

// failures is how long to leave scrubd alone: as long as it has not answered.
func (p *packets) failures() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(readEvery, time.Since(p.at))
}

// take takes in a reading. Where a count went back, or the daemon is another, the reading is what
// the next one is compared with. scrubd may be started anew: its dataplane goes on counting.
func (p *packets) take(address string, c client.Counts, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	counted, ok := difference(c.Reasons, p.reading)
	seconds := uint64(min(max(1, now.Sub(p.at).Round(time.Second)/time.Second), longestLate))
	isNext := p.reading != nil && p.address == address
	p.address, p.reading, p.at, p.dataplane = address, c.Reasons, now, nameOf(c.Instance)
	if !ok || !isNext {
		return
	}
	to := &p.told
	if seconds > 1 {
		to, p.ticks = &p.late, max(p.ticks, seconds)
	}
	for v := range counted {
		to[v][0] += counted[v][0]
		to[v][1] += counted[v][1]
	}
}

// difference is what was counted since, by vector. It is false where a count went back: a policy
// was removed, or the dataplane was loaded anew.
func difference(now, was map[string]client.ReasonCount) (counted packetCounts, ok bool) {
	for reason, before := range was {
		if after := now[reason]; after.Packets < before.Packets || after.Watched < before.Watched {
			return counted, false
		}
	}
	for reason, after := range now {
		if v, is := VectorOf(reason); is {
			counted[v][0] += after.Packets - was[reason].Packets
			counted[v][1] += after.Watched - was[reason].Watched
		}
	}
	return counted, true
}

// nameOf names a dataplane to other edges.
func nameOf(instance string) uint64 {
	if instance == "" {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(instance)) // never fails
	return max(1, h.Sum64())
}

// addTo adds what is to be told, once a second, and returns which dataplane has counted it; 0 where
// it does not answer. What a late reading has was no burst: it is told over as many seconds.
func (p *packets) addTo(c *watch.TierCounts, now time.Time) (dataplane uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for v := range p.told {
		for i := range p.told[v] {
			if p.ticks > 0 {
				part := p.late[v][i] / p.ticks
				p.told[v][i] += part
				p.late[v][i] -= part
			}
		}
		c.Stopped[v][watch.ByScrub] += p.told[v][0]
		c.Passed[v][watch.ByScrub] += p.told[v][1]
	}
	if p.ticks > 0 {
		p.ticks--
	}
	if now.Sub(p.at) < staleAfter {
		dataplane = p.dataplane
	}
	return dataplane
}
