// Package watch has edges tell each other what they count, through a real store.
package watch

import (
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
	"github.com/theriac-edge/theriac/watch"
)

func TestMain(m *testing.M) { sample.Main(m) }

// edge counts strangers at one shop, tells the others, and adds up what all say.
type edge struct {
	store    counters.Store
	reporter *watch.Reporter
	edges    *watch.Edges
	heard    chan string
	counted  watch.Counts
	sum, own int
}

func start(t *testing.T, n int, addr string) *edge {
	t.Helper()
	name := fmt.Sprintf("edge-%d", n)
	store, err := counters.NewRedis(counters.RedisOptions{Options: tier.Options{Addresses: []string{addr}, Node: name}, Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{store: store, reporter: watch.NewReporter(name, uint64(n)), edges: watch.NewEdges(uint64(n)), heard: make(chan string, 100)}
	stop := store.Hear("watch", func(message string) { e.heard <- message })
	store.Start()
	t.Cleanup(func() {
		stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// counts are those of the one shop.
func (e *edge) counts() iter.Seq2[shop.ID, watch.Counts] {
	return func(yield func(shop.ID, watch.Counts) bool) { yield("loewen", e.counted) }
}

// second tells the others, takes in what they have told, and adds up.
func (e *edge) second(t *testing.T, now time.Time) {
	t.Helper()
	take := func(message string) {
		report, err := watch.ParseReport([]byte(message))
		if err != nil {
			t.Fatal(err)
		}
		e.edges.Take(&report, now)
	}
	for _, message := range e.reporter.Next(e.counts()) {
		take(string(message))
		e.store.Say("watch", string(message))
	}
	for len(e.heard) > 0 {
		take(<-e.heard)
	}
	e.edges.Tick(now, func(_ shop.ID, all, own *watch.Second) {
		e.sum += all.Strangers[watch.Page]
		e.own += own.Strangers[watch.Page]
	})
}

// TestEdgesAddUp: each of three edges knows what all count, also after one of them could not
// reach the store for a while; meanwhile that one knows its own.
func TestEdgesAddUp(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	front := need.Forward(t, server.Addr)
	edges := []*edge{start(t, 1, server.Addr), start(t, 2, server.Addr), start(t, 3, front.Addr)}
	total, each := 0, make([]int, len(edges))
	run := func(until func() bool, counting bool) {
		t.Helper()
		sample.Within(t, 30*time.Second, fmt.Sprintf("it adds up: %d counted, the edges have %d, %d, %d", total, edges[0].sum, edges[1].sum, edges[2].sum), func() bool {
			for i, e := range edges {
				if counting {
					e.counted.Arrived[watch.Page] += uint64(i + 1)
					total, each[i] = total+i+1, each[i]+i+1
				}
				e.second(t, time.Now())
			}
			return until()
		})
	}
	// What was counted before all have heard each other is the base.
	begun := func() bool {
		for _, e := range edges {
			if e.sum < 30 {
				return false
			}
		}
		return true
	}
	run(begun, true)
	missing := make([]int, len(edges))
	settle := func(check bool) {
		quiet := 0
		run(func() bool {
			if quiet++; quiet < 50 {
				return false
			}
			for i, e := range edges {
				if !check {
					missing[i] = total - e.sum
				} else if total-e.sum != missing[i] {
					return false
				}
			}
			return true
		}, false)
	}
	settle(false)
	front.Move("")
	before := edges[2].own
	seconds := 0
	run(func() bool { seconds++; return seconds == 60 }, true)
	if got := edges[2].own - before; got != 180 {
		t.Errorf("the edge that is cut off knows of %d of its own 180", got)
	}
	if got := total - edges[0].sum - missing[0]; got < 100 {
		t.Errorf("the control: edge 1 lacks %d of what edge 3 counted, so nothing was cut", got)
	}
	front.Move(server.Addr)
	settle(true)
	for i, e := range edges {
		if e.own > each[i] || e.own < 60*(i+1) {
			t.Errorf("edge %d knows of %d of its own %d", i+1, e.own, each[i])
		}
	}
}
