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
	"github.com/theriac-edge/theriac/test/sample"
)

const (
	tick      = 100 * time.Millisecond
	perClient = 24 // keys of each kind

	partitions = 16 // of the keys, so that each server of a Cluster has some
)

// crowd are clients of edges that share a store: some at four tenths of their limit, at one edge
// each, in an ordinary and in an exact zone; and some at ten times the limit, at all edges.
type crowd struct {
	t                   testing.TB
	stores              []*edge
	lim                 *Limit
	calm, exactly, many []netkey.Key

	refused atomic.Int64   // of clients below their limit
	slowest atomic.Int64   // of the exact takes
	changes []atomic.Int64 // of the store, at each edge
	parts   []atomic.Int64 // of a part of it
	notes   chan string

	mu       sync.Mutex
	admitted []int // of those above their limit, by tick
	others   sync.WaitGroup
	quit     context.CancelFunc
}

// gather starts edges and their clients, and waits until all is as it is without an incident.
func gather(t testing.TB, n int, opts tier.Options) *crowd {
	t.Helper()
	c := &crowd{
		t: t, lim: &Limit{Interval: 50 * time.Millisecond, Burst: 20},
		changes: make([]atomic.Int64, n), parts: make([]atomic.Int64, n), notes: make(chan string, 100),
	}
	keys := sample.Keys(3 * perClient)
	for i := range keys {
		keys[i][0] = byte(i % partitions) // several keys are settled by one command
	}
	c.calm, c.exactly, c.many = keys[:perClient], keys[perClient:2*perClient], keys[2*perClient:]
	for i := range n {
		o := opts
		o.Node, o.Edges = fmt.Sprintf("edge-%d", i+1), n
		o.OnChange = func(shared bool, reason string) {
			c.changes[i].Add(1)
			c.say(fmt.Sprintf("%s: shared %t %s", o.Node, shared, reason))
		}
		o.OnPart = func(lost bool, note string) {
			c.parts[i].Add(1)
			c.say(fmt.Sprintf("%s: part lost %t: %s", o.Node, lost, note))
		}
		store := newEdge(t, 8<<20, o)
		store.Start()
		c.stores = append(c.stores, store)
	}
	for _, store := range c.stores {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := store.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.quit = cancel
	t.Cleanup(c.end)
	for i, key := range c.exactly {
		c.others.Go(func() { c.takeExactly(ctx, c.stores[i%n], key) })
	}
	c.others.Go(func() { c.take(ctx) })
	time.Sleep(20 * tick)
	for i := range n {
		c.changes[i].Store(0)
	}
	return c
}

func (c *crowd) say(note string) {
	select {
	case c.notes <- note:
	default:
	}
}

func (c *crowd) end() {
	c.quit()
	c.others.Wait()
}

// check counts a refusal of a client that is below its limit, and notes what its edge knows.
func (c *crowd) check(store *edge, key netkey.Key, d Decision) {
	if d.Allowed() {
		return
	}
	c.refused.Add(1)
	set := store.table.set(&key)
	set.mu.Lock()
	defer set.mu.Unlock()
	s, at := set.find(&key), store.table.at(time.Now())
	c.say(fmt.Sprintf("refused for %s: full in %s, by what it owes in %s, by the store in %s; owed %d, alone %t, met %t; cut off %t",
		d.Wait, time.Duration(s.tat-at), time.Duration(s.mine-at), time.Duration(s.known-at), s.owed, s.alone, s.met, store.tier.IsCutOff(partition(&key))))
}

// take is the loop of the ordinary zones.
func (c *crowd) take(ctx context.Context) {
	begin := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		admitted := 0
		for k := range c.calm {
			if store := c.stores[k%len(c.stores)]; i%5 != 0 {
				c.check(store, c.calm[k], store.Take(c.calm[k], c.lim, time.Now()))
			}
			for range 20 / len(c.stores) {
				for _, store := range c.stores {
					if store.Take(c.many[k], c.lim, time.Now()).Allowed() {
						admitted++
					}
				}
			}
		}
		c.mu.Lock()
		c.admitted = append(c.admitted, admitted)
		c.mu.Unlock()
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * tick)))
	}
}

// takeExactly is the loop of one client of an exact zone.
func (c *crowd) takeExactly(ctx context.Context, store *edge, key netkey.Key) {
	for i := 0; ctx.Err() == nil; i++ {
		began := time.Now()
		if i%5 != 0 {
			c.check(store, key, store.TakeExact(context.Background(), key, c.lim, began))
		}
		c.slowest.Store(max(c.slowest.Load(), int64(time.Since(began))))
		time.Sleep(time.Until(began.Add(tick)))
	}
}

// most is how much those above their limit were admitted in any second after the first since the
// tick, as a multiple of the limit, and on the whole.
func (c *crowd) most(from int) (second, whole float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const ticks = int(time.Second / tick)
	limit, sum := float64(perClient)*float64(time.Second)/float64(c.lim.Interval), 0
	admitted := c.admitted[from:]
	for i := ticks; i+ticks <= len(admitted); i++ {
		inSecond := 0
		for _, n := range admitted[i : i+ticks] {
			inSecond += n
		}
		second = max(second, float64(inSecond)/limit)
	}
	for _, n := range admitted {
		sum += n
	}
	return second, float64(sum) / limit / (float64(len(admitted)) / float64(ticks))
}

// incident has act happen, and holds the edges to what is promised: nobody below the limit is refused,
// those above it get the limit and the slack of the edges, and operators hear of it once at most.
func (c *crowd) incident(name string, act func()) {
	c.t.Helper()
	c.mu.Lock()
	from := len(c.admitted)
	c.mu.Unlock()
	refused := c.refused.Load()
	for i := range c.stores {
		c.changes[i].Store(0)
		c.parts[i].Store(0)
	}
	c.slowest.Store(0)
	act()
	second, whole := c.most(from)
	var changes, parts int64
	for i := range c.stores {
		changes, parts = max(changes, c.changes[i].Load()), max(parts, c.parts[i].Load())
	}
	refused = c.refused.Load() - refused
	c.t.Logf("%s: %d refused below the limit; above it admitted %.2f of the limit, %.2f in the worst second; slowest exact take %s; %d changes of the store, %d of a part",
		name, refused, whole, second, time.Duration(c.slowest.Load()), changes, parts)
	for len(c.notes) > 0 {
		c.t.Log(<-c.notes)
	}
	slack := float64(c.lim.slack(int64(len(c.stores)))) * float64(len(c.stores)) * float64(c.lim.Interval) / float64(time.Second)
	if refused > 0 || second > 1+slack {
		c.t.Errorf("%s: %d refused below the limit; in a second %.2f of the limit admitted, want at most %.2f", name, refused, second, 1+slack)
	}
	if changes > 2 || parts > 2 {
		c.t.Errorf("%s: %d changes of the store and %d of a part, want at most one lost and one back", name, changes, parts)
	}
}

// allShared waits until every edge says that all of the store is shared.
func (c *crowd) allShared() {
	c.t.Helper()
	for _, store := range c.stores {
		sample.Within(c.t, 60*time.Second, "all is shared again", func() bool {
			st := store.Status()
			return st.Shared && st.CutOff == 0 && st.Reason == ""
		})
	}
}
