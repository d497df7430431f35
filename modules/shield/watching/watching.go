// Package watching runs the watch at an edge: each second it tells the other edges what this
// one has counted, adds up what all have, has package watch judge each shop, and puts levels
// in force.
//
// Every edge adds up and judges, so that any of them can lead at once. The one that leads
// raises and lowers levels. The others raise a level if what they see alone is reason enough.
// An edge that has lost the store judges by its share. It knows no Caddy, and no request
// passes through it.
package watching

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield/clock"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// Edge is the configuration in force at this edge.
type Edge interface {
	// Watched returns the shops that are watched.
	Watched() []Shop

	// Why returns why the level of a shop was set.
	Why(id shop.ID) (why levels.Why, ok bool)

	// SetWhy has all edges know why a level was set, SetWatched the level.
	SetWhy(ctx context.Context, id shop.ID, why levels.Why) error
	SetWatched(ctx context.Context, id shop.ID, level shop.Level, since time.Time) error

	// Campaign returns the one that all edges know of, if there is one.
	Campaign() *levels.Campaign
	SetCampaign(ctx context.Context, c levels.Campaign, lasts time.Duration) error

	// Expected returns how many times the usual people have announced at a shop.
	Expected(id shop.ID, now time.Time) (factor float64)

	// Hidden returns how much of a shop's banned clients never became a request: in all, packets
	// that the scrubber and connections that the gate has stopped.
	Hidden(id shop.ID) (all, packets, connections uint64)

	// Late is told by how much a second was judged late.
	Late(by time.Duration)

	// Failed is told what an edge could not do, and the others may have to know.
	Failed(what string, err error)
}

// Shop is a shop that is watched.
type Shop struct {
	ID    shop.ID
	Tally *tally.Tally
	Level *levels.State
	Floor [watch.Streams]float64 // requests a second; 0: the default
	Acts  bool                   // otherwise levels are judged and not set
}

// Watcher watches the shops of an edge. Its methods are safe for concurrent use.
type Watcher struct {
	store    counters.Store
	edge     func() Edge // nil while no configuration is in force
	recorder Recorder
	tier     *layer4.Tier

	boot     uint64
	reporter *watch.Reporter
	edges    *watch.Edges
	heard    chan watch.Report

	mu       sync.Mutex
	shops    map[shop.ID]*watched
	campaign campaign
	prior    *watch.Prior
	hour     int64 // since 1970, of the last second
	lead     counters.Leadership
	late     time.Duration
	nodes    []string // that have reported of late
	tierHot  int64    // the last second with a sign of an attack on the tier
}

// Recorder records attacks. Its methods must not wait.
type Recorder interface {
	Step(s *incidents.Second)                                       // each second
	Sources(id shop.ID, vector watch.Vector, all *incident.Sources) // of an attack that goes on
}

// New returns the Watcher of an edge. recorder may be nil.
func New(store counters.Store, node string, edge func() Edge, tier *layer4.Tier, recorder Recorder) *Watcher {
	w := &Watcher{
		store: store, edge: edge, tier: tier, recorder: recorder, boot: rand.Uint64(),
		heard: make(chan watch.Report, 256),
		shops: map[shop.ID]*watched{}, prior: watch.DefaultPrior(),
	}
	w.reporter, w.edges = watch.NewReporter(node, w.boot), watch.NewEdges(w.boot)
	return w
}

// channel is that of the edges' reports.
const channel = "watch"

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	lease := w.store.Lead(channel)
	defer lease.Close()
	defer w.store.Hear(channel, w.hear)()
	defer w.store.Hear(sourcesChannel, w.hearSources)()
	defer w.store.Hear(layer4.Channel, func(message string) { w.tier.Hear(message, time.Now()) })()
	var baselines sync.WaitGroup
	defer baselines.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	baselines.Go(func() { w.remember(ctx) })
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-w.heard:
			w.edges.Take(&r, time.Now())
		case due := <-seconds.C:
			w.second(ctx, due, lease.State())
		}
	}
}

// hear takes in the report of an edge. What has no room is made up for by the next one.
func (w *Watcher) hear(message string) {
	r, err := watch.ParseReport([]byte(message))
	if err != nil || r.Boot == w.boot {
		return // of another release; or already taken
	}
	select {
	case w.heard <- r:
	default:
	}
}

// second does what is due each second.
func (w *Watcher) second(ctx context.Context, due time.Time, lead counters.Leadership) {
	edge := w.edge()
	if edge == nil {
		return
	}
	began := time.Now()
	at := clock.Agreed(w.store, began)
	shops := edge.Watched()
	w.report(edge, began, shops)
	tier, inTrouble := w.tier.Tick(began, at)

	w.mu.Lock()
	w.late, w.lead = began.Sub(due), lead
	w.meet(shops)
	w.turnHour(at.Unix())
	j := w.judgment(edge, at, lead)
	w.edges.Tick(began, func(id shop.ID, all, own *watch.Second) {
		if s := w.shops[id]; s != nil && s.present {
			j.judge(s, all, own)
		}
	})
	if inTrouble {
		w.tierHot = j.at
	}
	j.seeTier(&tier)
	w.nodes = w.edges.Nodes()
	sources := w.tellSources(j.at)
	j.seen.Edges = w.nodes
	w.mu.Unlock()

	w.putInForce(ctx, edge, j.wishes)
	w.tellCampaign(ctx, edge, j.at, lead)
	w.record(j.seen, sources)
	edge.Late(time.Since(due))
}

// record has attacks recorded.
func (w *Watcher) record(second *incidents.Second, sources []found) {
	if w.recorder == nil {
		return
	}
	w.recorder.Step(second)
	for _, f := range sources {
		w.recorder.Sources(f.shop, f.vector, f.sources)
	}
}

// report counts what this edge has counted as its own, and tells the others.
func (w *Watcher) report(edge Edge, now time.Time, shops []Shop) {
	messages := w.reporter.Next(func(yield func(shop.ID, watch.Counts) bool) {
		for i := range shops {
			if !yield(shops[i].ID, counted(edge, &shops[i], now)) {
				return
			}
		}
	})
	for _, m := range messages {
		if r, err := watch.ParseReport(m); err == nil {
			w.edges.Take(&r, now)
		}
		w.store.Say(channel, string(m))
	}
	w.store.Say(layer4.Channel, w.tier.Message(now))
}

// counted is what this edge has counted of a shop.
func counted(edge Edge, s *Shop, now time.Time) watch.Counts {
	c := s.Tally.Counts(now)
	c.Hidden, c.Stopped[watch.ByScrub], c.Stopped[watch.ByGate] = edge.Hidden(s.ID)
	return c
}
