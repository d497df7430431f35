package watching

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
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

// TestMemory: what the watch keeps of a shop is bounded.
func TestMemory(t *testing.T) {
	memory := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	w, _, visit := watcherOf(t, 500)
	before := memory()
	for n := range 30 {
		for i := range 500 {
			visit(n*500 + i)
		}
		w.second(t.Context(), time.Now(), counters.Leadership{Role: counters.Leading})
	}
	each := (memory() - before) / 500
	t.Logf("%d bytes a shop", each)
	if each > 12<<10 || each < 1<<10 {
		t.Errorf("the watch keeps %d bytes of each shop, want at most 12 KiB, and more than nothing", each)
	}
	runtime.KeepAlive(w)
}
