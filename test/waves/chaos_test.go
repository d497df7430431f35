package waves

import (
	"context"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestPartsFail: in the middle of an attack the edge that leads is killed, the store is killed
// and started again, and an edge joins. The level holds at every edge,
// and there is one incident, which has a line in the ledger when it is over.
func TestPartsFail(t *testing.T) {
	need.Loopback(t)
	tr := startTier(t, 3, "watch on")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := wave{rate: 240, from: 300, path: "/product/%d", lasts: time.Minute}
	over := make(chan struct{})
	go func() { defer close(over); w.send(ctx, tr, 7) }()
	attacked := func(about string, edges ...*edge.Edge) {
		t.Helper()
		sample.Within(t, 15*time.Second, about+": the shop is at level 2 or above at all edges", func() bool {
			for _, e := range edges {
				if kit.LevelOf(t, e, "loewen") < shop.Attack {
					return false
				}
			}
			return true
		})
	}
	attacked("at first", tr.edges...)
	sample.Within(t, 15*time.Second, "there is an incident", func() bool { return len(tr.incidents(t, 0)) == 1 })
	first := tr.incidents(t, 0)[0].ID

	dead := tr.leader(t)
	dead.Kill()
	var left []*edge.Edge
	for _, e := range tr.edges {
		if e != dead {
			left = append(left, e)
		}
	}
	tr.edges = left
	holds := func(about string, until func() bool) {
		t.Helper()
		sample.Within(t, 20*time.Second, about, func() bool {
			for i, e := range tr.edges {
				if level := kit.LevelOf(t, e, "loewen"); level < shop.Attack {
					t.Fatalf("%s: edge %d is at level %d", about, i+1, level)
				}
			}
			return until()
		})
	}
	holds("another edge leads", func() bool { return tr.leader(t) != nil })

	tr.redis.Stop()
	holds("edges know that they are alone", func() bool {
		return tr.status(t, 0).Role == "alone" && tr.status(t, 1).Role == "alone"
	})
	tr.redis.Restart()
	holds("an edge leads again", func() bool { return tr.leader(t) != nil })

	tr.edges = append(tr.edges, tr.edge(t, 4))
	attacked("an edge joins", tr.edges...)
	holds("it hears the others", func() bool { return len(tr.status(t, 2).Edges) == 3 })

	cancel()
	<-over
	all := tr.incidents(t, 2)
	if len(all) != 1 || all[0].ID != first {
		t.Errorf("incidents %+v, want one, %s", all, first)
	}
}

// TestShadow: in shadow edges judge, and set nothing and record nothing.
func TestShadow(t *testing.T) {
	need.Loopback(t)
	tr := startTier(t, 1, "watch shadow")
	w := wave{rate: 100, from: 200, path: "/product/%d", lasts: 8 * time.Second}
	over := make(chan struct{})
	go func() { defer close(over); w.send(t.Context(), tr, 8) }()
	sample.Within(t, 20*time.Second, "the watch finds level 2 right", func() bool { return tr.status(t, 0).Shops[0].Level == shop.Attack })
	<-over
	if got := kit.LevelOf(t, tr.edges[0], "loewen"); got != shop.Calm {
		t.Errorf("the shop is at level %d", got)
	}
	if all := tr.incidents(t, 0); len(all) != 0 {
		t.Errorf("incidents %+v", all)
	}
}
