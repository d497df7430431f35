package bucket

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestMain has the machine to itself: much is measured in real time.
func TestMain(m *testing.M) {
	need.Alone()
	sample.Main(m)
}

// edge are the buckets of one edge, and its connection.
type edge struct {
	*Shared
	tier *tier.Tier
}

// Status is all that is known of the edge.
func (e *edge) Status() (s struct {
	Status
	tierStatus
},
) {
	s.Status, s.tierStatus = e.Shared.Status(), e.tier.Status()
	return s
}

type tierStatus = tier.Status

func (e *edge) Start() {
	e.Shared.Start()
	e.tier.Start()
}

func (e *edge) Close() error {
	e.Shared.Close()
	return e.tier.Close()
}

// store are buckets of either kind.
type store interface {
	Take(key netkey.Key, lim *Limit, now time.Time) Decision
	Peek(key netkey.Key, lim *Limit, now time.Time) Decision
	Once(ctx context.Context, key netkey.Key, life time.Duration) (first, shared bool)
	Forget(key netkey.Key)
}

// statusOf is how full a store is.
func statusOf(s store) Status {
	if e, ok := s.(*edge); ok {
		return e.Shared.Status()
	}
	return s.(*Local).Status()
}

// newEdge makes an edge that is closed with the test.
func newEdge(t testing.TB, memory int64, opts tier.Options) *edge {
	t.Helper()
	connection, err := tier.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{NewShared(connection, memory), connection}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing %s: %v", opts.Node, err)
		}
	})
	return e
}

// edges starts n edges that share the store of opts, and waits until each of
// them knows of all.
func edges(t testing.TB, n int, opts tier.Options) []*edge {
	t.Helper()
	return edgesOf(t, n, 8<<20, opts)
}

// edgesOf are edges with that much memory each.
func edgesOf(t testing.TB, n int, memory int64, opts tier.Options) []*edge {
	t.Helper()
	stores := make([]*edge, n)
	for i := range stores {
		o := opts
		o.Node = fmt.Sprintf("edge-%d", i+1)
		stores[i] = newEdge(t, memory, o)
		stores[i].Start()
	}
	for _, store := range stores {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := store.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	return stores
}

// load is takes at a steady rate, shared out evenly between the stores.
type load struct {
	tried, admitted atomic.Int64
	slowest, slow   atomic.Int64 // of the takes; how many needed more than 5 ms
}

// run takes perSecond tokens a second for d. It returns how long that took.
func (l *load) run(stores []*edge, perSecond float64, d time.Duration, take func(r *edge, now time.Time) Decision) time.Duration {
	var wg sync.WaitGroup
	began := time.Now()
	for _, store := range stores {
		wg.Go(func() {
			share := perSecond / float64(len(stores))
			for done := 0.0; ; time.Sleep(time.Millisecond) {
				elapsed := time.Since(began)
				if elapsed > d {
					return
				}
				for ; done < share*elapsed.Seconds(); done++ {
					l.one(store, take)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func (l *load) one(store *edge, take func(r *edge, now time.Time) Decision) {
	began := time.Now()
	d := take(store, began)
	if time.Since(began) > 5*time.Millisecond {
		l.slow.Add(1)
	}
	for took := int64(time.Since(began)); ; {
		old := l.slowest.Load()
		if took <= old || l.slowest.CompareAndSwap(old, took) {
			break
		}
	}
	l.tried.Add(1)
	if d.Allowed() {
		l.admitted.Add(1)
	}
}
