package watching

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// quietEdge has many shops, and takes whatever is set.
type quietEdge struct{ shops []Shop }

func (e *quietEdge) Watched() []Shop                                 { return e.shops }
func (*quietEdge) Why(shop.ID) (why levels.Why, ok bool)             { return why, false }
func (*quietEdge) SetWhy(context.Context, shop.ID, levels.Why) error { return nil }
func (*quietEdge) Campaign() *levels.Campaign                        { return nil }
func (*quietEdge) Expected(shop.ID, time.Time) float64               { return 1 }
func (*quietEdge) Hidden(shop.ID) (all, packets, connections uint64) { return 0, 0, 0 }
func (*quietEdge) Late(time.Duration)                                {}
func (*quietEdge) Failed(string, error)                              {}
func (*quietEdge) SetWatched(context.Context, shop.ID, shop.Level, time.Time) error {
	return nil
}

func (*quietEdge) SetCampaign(context.Context, levels.Campaign, time.Duration) error { return nil }

// watcherOf is a Watcher of n shops, each of which has a visitor now and then.
func watcherOf(tb testing.TB, n int) (w *Watcher, edge *quietEdge, visit func(i int)) {
	store := counters.NewMemory(1 << 20)
	tb.Cleanup(func() { _ = store.Close() })
	edge = new(quietEdge)
	for i := range n {
		edge.shops = append(edge.shops, Shop{
			ID: shop.ID(fmt.Sprintf("shop-%d", i)), Tally: tally.New(time.Now()), Level: new(levels.State), Acts: true,
		})
	}
	w = New(store, "edge-1", func() Edge { return edge }, layer4.New(layer4.Options{
		Node: func() string { return "edge-1" }, Scrubd: func() string { return "" }, Counters: new(layer4.Counters),
	}), nil)
	visit = func(i int) {
		t := edge.shops[i%n].Tally
		v := &shop.Visit{Class: shop.Page, Start: time.Now(), Client: key(i)}
		t.Arrive(v, false)
		t.Vouch(v, false)
		t.Through(v)
		t.Answer(v, "GET", 200)
		t.Leave(v)
	}
	return w, edge, visit
}

// BenchmarkSecond is what the watch of 500 shops costs an edge each second, while a fifth of them
// have a visitor: 1 ms is 0.1 % of a core.
func BenchmarkSecond(b *testing.B) {
	w, _, visit := watcherOf(b, 500)
	lead := counters.Leadership{Role: counters.Leading}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		for i := range 100 {
			visit(n*100 + i)
		}
		b.StartTimer()
		w.second(b.Context(), time.Now(), lead)
	}
}

// mostOfAShop bounds what the watch keeps of a shop: 1 MB for 100 shops.
const mostOfAShop = 10_000

// TestMemory: what the watch keeps of a shop is bounded. It counts everything that there is for
// each shop, while visitors come and two other edges tell of it as well: the tally, what each edge
// and all have counted, what was told of it, what is usual, and both judgments.
func TestMemory(t *testing.T) {
	const shops = 500
	memory := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := memory()
	empty, _, _ := watcherOf(t, 0)
	without := memory() - before
	w, edge, visit := watcherOf(t, shops)
	others := []*watch.Reporter{watch.NewReporter("edge-2", 2), watch.NewReporter("edge-3", 3)}
	for n := range 30 {
		for i := range shops {
			visit(n*shops + i)
		}
		for _, other := range others {
			for _, message := range other.Next(countsOf(edge.shops)) {
				r, err := watch.ParseReport(message)
				if err != nil {
					t.Fatal(err)
				}
				w.edges.Take(&r, time.Now())
			}
		}
		w.second(t.Context(), time.Now(), counters.Leadership{Role: counters.Following})
	}
	clear(others)
	each := (memory() - before - 2*without) / shops
	t.Logf("%d bytes a shop", each)
	if each > mostOfAShop || each < 5_000 {
		t.Errorf("the watch keeps %d bytes of each shop, want at most %d, and more than a few", each, mostOfAShop)
	}
	if n := len(w.edges.Nodes()); n != 3 || len(w.shops) != shops {
		t.Errorf("%d shops of %d edges were watched, want %d of 3", len(w.shops), n, shops)
	}
	for _, s := range w.shops {
		if s.all.Idle() || s.own.Idle() {
			t.Fatalf("%s was not judged by what all edges have counted, and by what this one has", s.ID)
		}
	}
	runtime.KeepAlive(empty)
}

// countsOf yields what the edge has counted of its shops.
func countsOf(shops []Shop) iter.Seq2[shop.ID, watch.Counts] {
	return func(yield func(shop.ID, watch.Counts) bool) {
		for i := range shops {
			if !yield(shops[i].ID, shops[i].Tally.Counts(time.Now())) {
				return
			}
		}
	}
}
