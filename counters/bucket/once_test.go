package bucket

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// race has n goroutines use one key at the same time, and returns how many
// were the first.
func race(n int, once func(i int) bool) (firsts int64) {
	var first atomic.Int64
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			if once(i) {
				first.Add(1)
			}
		})
	}
	done.Wait()
	return first.Load()
}

// TestOnceRace: of a hundred uses at once, one is the first.
func TestOnceRace(t *testing.T) {
	t.Parallel()
	ctx, keys := t.Context(), sample.Keys(50)
	for _, test := range []struct {
		name   string
		stores func() []store
	}{
		{"in memory", func() []store { return []store{NewLocal(1 << 20)} }},
		{"with Redis lost, at one edge", func() []store { return []store{unreached(t, 4<<20)} }},
		{"at three edges", func() (stores []store) {
			for _, r := range edges(t, 3, tier.Options{Addresses: []string{need.Redis(t).Addr}, Deadline: 5 * time.Second}) {
				stores = append(stores, r)
			}
			return stores
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			stores := test.stores()
			for i, key := range keys {
				if got := race(100, func(i int) bool {
					first, _ := stores[i%len(stores)].Once(ctx, key, time.Minute)
					return first
				}); got != 1 {
					t.Errorf("key %d: %d of 100 uses were the first, want 1", i, got)
				}
			}
		})
	}
	t.Run("control: look, then mark", func(t *testing.T) {
		var used sync.Map
		got := race(100, func(int) bool {
			_, found := used.Load("key")
			time.Sleep(time.Millisecond)
			used.Store("key", true)
			return !found
		})
		if got < 2 {
			t.Errorf("%d uses of a mark that is not atomic were the first: the race proves nothing", got)
		}
	})
}

// TestOnceAgain: what was used is used, at this edge without asking, at others
// by asking.
func TestOnceAgain(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	once := func(edge int, key netkey.Key, wantFirst, wantShared bool) {
		t.Helper()
		first, shared := stores[edge].Once(t.Context(), key, time.Minute)
		if first != wantFirst || shared != wantShared {
			t.Errorf("first is %t and shared is %t, want %t and %t", first, shared, wantFirst, wantShared)
		}
	}
	solution := sample.Key("a solution")
	once(0, solution, true, true)
	sent := stores[0].Status().Commands
	for range 1000 {
		once(0, solution, false, true)
	}
	if more := stores[0].Status().Commands - sent; more > 3 {
		t.Errorf("1000 replays sent %d commands, want the heartbeats only", more)
	}
	once(1, solution, false, true)
	if ttl := server.Do("PTTL", name("once", &solution)); len(ttl) != 5 || ttl < "50000" {
		t.Errorf("the store remembers it for %s ms, want a minute", ttl)
	}

	server.Kill()
	once(0, solution, false, true) // the loss is not noticed yet
	for _, r := range stores {
		sample.Within(t, 5*time.Second, "the store is lost", func() bool { return !r.Status().Shared })
	}
	once(0, solution, false, false)
	once(1, solution, false, false)
	once(0, sample.Key("another"), true, false)
	once(0, sample.Key("another"), false, false)
	server.RestartEmpty()
	for _, r := range stores {
		sample.Within(t, 5*time.Second, "the store is shared again", func() bool { return r.Status().Shared })
	}
	once(0, solution, false, true)
	once(1, solution, false, true)
}

// TestOnceFrozen: a store that does not answer costs five deadlines, and the edge
// decides.
func TestOnceFrozen(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}})[0]
	server.Stop()
	defer server.Cont()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a visitor that hung up changes nothing
	for i, key := range sample.Keys(20) {
		began := time.Now()
		if first, shared := store.Once(ctx, key, time.Minute); !first || shared {
			t.Errorf("key %d: first is %t and shared is %t", i, first, shared)
		}
		if first, _ := store.Once(ctx, key, time.Minute); first {
			t.Errorf("key %d was used twice", i)
		}
		if took := time.Since(began); took > 2*store.tier.Patience() {
			t.Errorf("key %d took %s", i, took)
		}
	}
}
