// Package layer4 finds attacks that belong to no shop: floods of packets, which scrubd stops,
// and of connections and handshakes, which the gate stops.
//
// Each edge tells all others what it has counted, once a second, and each adds up what all have
// told, so any of them can go on when the one that leads is gone. It knows no Caddy. Messages and
// readings that are missing make no attack.
package layer4

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/watch"
)

// Channel is where edges tell each other what they counted.
const Channel = "tier"

// Options are what a Tier asks of the edge.
type Options struct {
	// Node returns the edge's name, for people.
	Node func() string

	// Scrubd returns where scrubd listens, such as unix//run/scrubd/scrubd.sock; empty: there
	// is none.
	Scrubd func() string

	// Counters are those of the edge's parts. Default: Process.
	Counters *Counters
}

// Tier is one edge's view of all edges. Its methods may be called at the same time.
type Tier struct {
	opts  Options
	packs packets

	mu    sync.Mutex
	boot  uint64
	seq   uint64
	edges watch.TierEdges
	rule  watch.TierRule
}

// New returns a Tier that has heard nothing yet. Run reads scrubd for it.
func New(o Options) *Tier {
	if o.Counters == nil {
		o.Counters = &Process
	}
	return &Tier{opts: o, boot: rand.Uint64()}
}

// Run reads what scrubd counts, until ctx ends.
func (t *Tier) Run(ctx context.Context) { t.packs.run(ctx, t.opts.Scrubd) }

// Message returns what this edge tells all edges about one second. It is for once a second, and
// this edge has heard it by then.
func (t *Tier) Message(now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	r := watch.TierReport{Boot: t.boot, Node: t.opts.Node(), Seq: t.seq, Counts: t.opts.Counters.Counts()}
	r.Scrubber = t.packs.addTo(&r.Counts, now)
	t.edges.Take(&r, now)
	return string(watch.AppendTierReport(nil, &r))
}

// Hear takes in a message of any edge. One that cannot be read is ignored: it is of another
// release, or of no edge.
func (t *Tier) Hear(message string, arrived time.Time) {
	r, err := watch.ParseTierReport([]byte(message))
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.edges.Take(&r, arrived)
}

// Tick ends a second. now is by this edge's clock, as for Hear, and at by the tier's, as incidents
// are. any reports whether there is a sign of an attack in it. The moment has the vectors; customers
// are those of all shops, and left to the caller.
func (t *Tier) Tick(now, at time.Time) (m incident.Moment, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	second := t.edges.Tick(now)
	for _, s := range t.rule.Step(at, &second) {
		m.Sights = append(m.Sights, incident.Sight(s))
	}
	m.Hot = t.rule.Hot()
	return m, m.Hot || len(m.Sights) > 0
}
