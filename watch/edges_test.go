package watch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

var epoch = time.Unix(1_800_000_000, 0)

// message is one report of a shop: so many pages have arrived in all, and so many clients
// wait.
type message struct {
	boot, seq, pages uint64
	waiting          uint32
}

func (m message) report() *Report {
	return &Report{Boot: m.boot, Seq: m.seq, Shops: []ShopCounts{{"loewen", Counts{Arrived: [Streams]uint64{Page: m.pages}, Waiting: m.waiting, Distinct: m.waiting}}}}
}

// TestEdges walks through what arrives in each second, at the edge that has boot 1. Of each
// second it says what all edges together have counted.
func TestEdges(t *testing.T) {
	// steady is an edge that counts 10 a second.
	steady := func(boot, from, to uint64) (seconds [][]message) {
		for seq := from; seq <= to; seq++ {
			seconds = append(seconds, []message{{boot, seq, 1000 + 10*seq, 0}})
		}
		return seconds
	}
	for name, c := range map[string]struct {
		seconds  [][]message
		arrived  []int
		waiting  []int
		ownShare []int
	}{
		"one edge; its first report is a base": {seconds: steady(2, 7, 10), arrived: []int{0, 10, 10, 10}},
		"this edge":                            {seconds: steady(1, 7, 10), arrived: []int{0, 10, 10, 10}, ownShare: []int{0, 10, 10, 10}},
		"two edges": {
			seconds: [][]message{{{1, 5, 100, 2}, {2, 9, 900, 3}}, {{1, 6, 105, 2}, {2, 10, 930, 4}}},
			arrived: []int{0, 35}, waiting: []int{5, 6}, ownShare: []int{0, 5},
		},
		"one is repeated":           {seconds: [][]message{{{2, 5, 100, 0}}, {{2, 6, 110, 0}, {2, 6, 110, 0}}, {{2, 6, 110, 0}, {2, 7, 120, 0}}}, arrived: []int{0, 10, 10}},
		"two out of order":          {seconds: [][]message{{{2, 5, 100, 0}}, {{2, 7, 120, 1}, {2, 6, 110, 9}}, {{2, 8, 130, 1}}}, arrived: []int{0, 20, 10}, waiting: []int{0, 1, 1}},
		"one is late":               {seconds: [][]message{{{2, 5, 100, 0}}, {{2, 6, 110, 0}}, {}, {{2, 7, 120, 0}, {2, 8, 130, 0}}, {{2, 9, 140, 0}}}, arrived: []int{0, 10, 0, 10, 20}},
		"every other is lost":       {seconds: [][]message{{{2, 1, 0, 0}}, {}, {{2, 3, 20, 0}}, {}, {{2, 5, 40, 0}}, {}, {{2, 7, 60, 0}}}, arrived: []int{0, 0, 10, 10, 10, 10, 10}},
		"the store is slow for 4 s": {seconds: [][]message{{{2, 1, 0, 0}}, {}, {}, {}, {{2, 2, 10, 0}, {2, 3, 20, 0}, {2, 4, 30, 0}, {2, 5, 40, 0}}, {{2, 6, 50, 0}}, {}, {}, {}}, arrived: []int{0, 0, 0, 0, 10, 20, 10, 10, 0}},
		"it counts beyond 32 bits":  {seconds: [][]message{{{2, 5, 1<<32 - 4, 0}}, {{2, 6, 1<<32 + 6, 0}}, {{2, 7, 1<<32 + 16, 0}}}, arrived: []int{0, 10, 10}},
		"a counter goes back":       {seconds: [][]message{{{2, 5, 1<<32 + 6, 0}}, {{2, 6, 1<<32 - 4, 0}}, {{2, 7, 1<<32 + 6, 0}}}, arrived: []int{0, 0, 10}},
		"it starts again":           {seconds: [][]message{{{2, 5, 100, 4}}, {{3, 1, 7, 0}}, {{3, 2, 17, 0}}, {{3, 3, 20, 1}}}, arrived: []int{0, 0, 10, 3}, waiting: []int{4, 4, 4, 1}},
		"its counters went back":    {seconds: [][]message{{{2, 5, 100, 0}}, {{2, 6, 3, 0}}, {{2, 7, 5, 0}}}, arrived: []int{0, 0, 2}},
		"it vanishes, and comes back after 11 s": {
			seconds: append(append(steady(2, 1, 2), make([][]message, 10)...), []message{{2, 12, 5000, 9}}, []message{{2, 13, 5010, 8}}),
			arrived: []int{0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10},
			waiting: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 8},
		},
		"gauges end with the edge": {
			seconds: [][]message{{{2, 1, 0, 6}}, {{2, 2, 0, 7}}, {}, {}, {}},
			arrived: []int{0, 0, 0, 0, 0}, waiting: []int{6, 7, 7, 7, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEdges(1)
			for i, messages := range c.seconds {
				now := epoch.Add(time.Duration(i) * time.Second)
				for _, m := range messages {
					e.Take(m.report(), now)
				}
				var a, w, o int
				e.Tick(now.Add(time.Second/2), func(_ shop.ID, all, own *Second) {
					a, w, o = all.Strangers[Page], all.Waiting, own.Strangers[Page]
					if all.Distinct != w {
						t.Errorf("second %d: %d distinct clients, want %d", i, all.Distinct, w)
					}
				})
				if a != c.arrived[i] || c.waiting != nil && w != c.waiting[i] || c.ownShare != nil && o != c.ownShare[i] {
					t.Errorf("second %d: %d pages, %d wait, %d here; want %v %v %v", i, a, w, o, c.arrived, c.waiting, c.ownShare)
				}
			}
		})
	}
}

// TestEdgesFromTheirStart: of an edge that is known since its start, a shop that is new in a
// report has been counted from 0; of another it has not.
func TestEdgesFromTheirStart(t *testing.T) {
	for first, want := range map[uint64]int{1: 50, 2: 0} {
		e, got := NewEdges(9), 0
		e.Take(&Report{Boot: 2, Seq: first}, epoch)
		e.Tick(epoch, nil)
		e.Take((message{2, first + 3, 50, 0}).report(), epoch)
		e.Tick(epoch, func(_ shop.ID, all, _ *Second) { got += all.Strangers[Page] })
		if got != want {
			t.Errorf("from report %d on: %d pages, want %d", first, got, want)
		}
	}
}

// TestPausedHere: this edge is paused for five seconds, and then hears all that was said
// meanwhile at once, and counts itself what has waited. That is no burst.
func TestPausedHere(t *testing.T) {
	e := NewEdges(1)
	var most, sum, ownMost, ownSum int
	tick := func(second int) {
		e.Tick(epoch.Add(time.Duration(second)*time.Second), func(_ shop.ID, all, own *Second) {
			most, sum = max(most, all.Strangers[Page]), sum+all.Strangers[Page]
			ownMost, ownSum = max(ownMost, own.Strangers[Page]), ownSum+own.Strangers[Page]
		})
	}
	take := func(second int, messages ...message) {
		for _, m := range messages {
			e.Take(m.report(), epoch.Add(time.Duration(second)*time.Second))
		}
	}
	take(0, message{1, 1, 0, 0}, message{2, 1, 0, 0})
	tick(0)
	take(1, message{1, 2, 10, 0}, message{2, 2, 10, 0})
	tick(1)
	take(6, message{2, 3, 20, 0}, message{2, 4, 30, 0}, message{2, 5, 40, 0}, message{2, 6, 50, 0}, message{2, 7, 60, 0}, message{1, 3, 60, 0})
	for second := 6; second < 12; second++ {
		tick(second)
	}
	if most != 20 || sum != 120 || ownMost != 10 || ownSum != 60 {
		t.Errorf("at most %d of %d pages in one second, %d of %d here; want 20 of 120, 10 of 60", most, sum, ownMost, ownSum)
	}
}

// TestStrangers: a request that arrives in one second and is vouched for in the next is no
// stranger less, nor does it hide strangers for longer.
func TestStrangers(t *testing.T) {
	e := NewEdges(1)
	var got []int
	for i, c := range []struct{ arrived, vouched uint64 }{{0, 0}, {10, 7}, {10, 10}, {14, 12}, {14, 34}, {19, 34}, {24, 34}} {
		e.Take(&Report{Boot: 1, Seq: uint64(i + 1), Shops: []ShopCounts{{"loewen", Counts{Arrived: [Streams]uint64{Page: c.arrived}, Vouched: [Streams]uint64{Page: c.vouched}}}}}, epoch)
		e.Tick(epoch, func(_ shop.ID, all, _ *Second) { got = append(got, all.Strangers[Page]) })
	}
	if want := fmt.Sprint([]int{0, 3, 0, 0, 0, 0, 5}); fmt.Sprint(got) != want {
		t.Errorf("strangers %v, want %s", got, want)
	}
}

// TestNothingIsLostOrMadeUp: whatever happens to messages, as much is added up as was counted
// between the first and the last. The control adds up what each message has more than the one
// before it.
func TestNothingIsLostOrMadeUp(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	naiveIsWrong := false
	for range 200 {
		e, sum, naive := NewEdges(1), uint64(0), uint64(0)
		tick := func(i int) {
			e.Tick(epoch.Add(time.Duration(i)*time.Second), func(_ shop.ID, all, _ *Second) { sum += uint64(all.Strangers[Page]) })
		}
		var underWay []message
		pages, before := uint64(1000), uint64(1000)
		for i := range 60 {
			m := message{2, uint64(i + 1), pages, 0}
			for range random.IntN(3) { // lost, or once, or twice
				underWay = append(underWay, m)
			}
			random.Shuffle(len(underWay), func(i, j int) { underWay[i], underWay[j] = underWay[j], underWay[i] })
			arrive := underWay[:random.IntN(len(underWay)+1)]
			if i == 0 || i%5 == 4 {
				arrive = append(underWay, m)
			}
			underWay = underWay[min(len(arrive), len(underWay)):]
			for _, m := range arrive {
				e.Take(m.report(), epoch.Add(time.Duration(i)*time.Second))
				naive += max(m.pages, before) - before
				before = m.pages
			}
			tick(i)
			pages += uint64(random.IntN(50))
		}
		e.Take((message{2, 61, pages, 0}).report(), epoch.Add(time.Minute))
		for i := range longestLate {
			tick(60 + i)
		}
		if sum != pages-1000 {
			t.Fatalf("%d pages were added up, %d were counted", sum, pages-1000)
		}
		naiveIsWrong = naiveIsWrong || naive != pages-1000
	}
	if !naiveIsWrong {
		t.Error("the control is right: this proves nothing")
	}
}

// TestEdgesBounds: what others write to the store cannot fill the memory.
func TestEdgesBounds(t *testing.T) {
	e := NewEdges(1)
	r := &Report{Seq: 1}
	for i := range MaxShops + 100 {
		r.Shops = append(r.Shops, ShopCounts{shop.ID(fmt.Sprint("s", i)), Counts{Assets: 1}})
	}
	e.Take(r, epoch)
	for boot := range uint64(maxEdges + 100) {
		e.Take(&Report{Boot: boot, Seq: 1}, epoch)
	}
	if len(e.shops) != MaxShops || len(e.index) != MaxShops || len(e.edges) != maxEdges {
		t.Errorf("%d shops, %d edges", len(e.shops), len(e.edges))
	}
	e.Tick(epoch.Add(edgeLasts), func(shop.ID, *Second, *Second) {})
	if len(e.edges) != 0 {
		t.Errorf("%d edges that are gone are kept", len(e.edges))
	}
}

// tier has ten edges report 500 shops each, 150 of which are active.
func tier() (e *Edges, second func()) {
	e = NewEdges(0)
	random := rand.New(rand.NewPCG(1, 2))
	reports := make([]*Report, 10)
	for boot := range reports {
		reports[boot] = &Report{Boot: uint64(boot), Seq: 1}
		for i := range 500 {
			reports[boot].Shops = append(reports[boot].Shops, ShopCounts{shop.ID(fmt.Sprintf("rosen-%03d", i)), week(random)})
		}
		e.Take(reports[boot], epoch)
		reports[boot].Shops = reports[boot].Shops[:150]
	}
	now := epoch
	return e, func() {
		now = now.Add(time.Second)
		for _, r := range reports {
			r.Seq++
			for i := range r.Shops {
				r.Shops[i].Counts.Arrived[Page] += 2
			}
			e.Take(r, now)
		}
		e.Tick(now, func(shop.ID, *Second, *Second) {})
	}
}

func TestEdgesAllocateNothing(t *testing.T) {
	_, second := tier()
	if n := testing.AllocsPerRun(20, second); n != 0 {
		t.Errorf("%v allocations a second, want none", n)
	}
}

// BenchmarkEdges is a second of ten edges with 500 shops.
func BenchmarkEdges(b *testing.B) {
	_, second := tier()
	b.ReportAllocs()
	for b.Loop() {
		second()
	}
}
