package bucket

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// A shop's limit as the presets have it.
func shopLimit() *Limit {
	return &Limit{Interval: 1250 * time.Microsecond, Burst: 1600, Spread: true}
}

// waits takes exact tokens from several goroutines until d is over. It returns
// how long each call took, sorted.
func waits(store *edge, d time.Duration) (all []time.Duration) {
	lim, keys := &Limit{Interval: time.Microsecond, Burst: 1000}, sample.Keys(64)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for end := time.Now().Add(d); len(keys) > 0; keys = keys[8:] {
		mine := keys[:8]
		wg.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				began := time.Now()
				store.TakeExact(context.Background(), mine[i%8], lim, began)
				mu.Lock()
				all = append(all, time.Since(began))
				mu.Unlock()
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	return all
}

// TestFrozenStore: no caller waits longer than the deadline for a store that does
// not answer, and after three have waited none waits at all.
func TestFrozenStore(t *testing.T) {
	for _, test := range []struct {
		name   string
		freeze func(t *testing.T, server *need.RedisServer) *edge
	}{
		{"while connections are open", func(t *testing.T, server *need.RedisServer) *edge {
			store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}})[0]
			waits(store, 100*time.Millisecond)
			time.AfterFunc(100*time.Millisecond, server.Stop) // while they take
			return store
		}},
		{"before the first connection", func(t *testing.T, server *need.RedisServer) *edge {
			store := newEdge(t, 8<<20, tier.Options{Addresses: []string{server.Addr}})
			server.Stop()
			store.tier.Assume(false, 1) // otherwise it would not even be asked
			return store
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := need.Redis(t)
			store := test.freeze(t, server)
			delay := longestDelay(2 * time.Second)
			all := waits(store, 2*time.Second)
			median, most := all[len(all)/2], all[len(all)-1]-<-delay
			waited := len(all) - search(all, 10*time.Millisecond)
			t.Logf("%d calls, %d of them waited; median %s, slowest %s without the machine's delay", len(all), waited, median, most)
			if median > 5*time.Millisecond || most > 60*time.Millisecond {
				t.Errorf("median %s and slowest %s, want microseconds and about 20 ms", median, most)
			}
			if waited < 3 || waited > 100 {
				t.Errorf("%d calls waited, want those before the breaker opened", waited)
			}
			server.Cont()
			store.Start()
			sample.Within(t, 5*time.Second, "the store is shared again", func() bool { return store.Status().Shared })
		})
	}
}

// longestDelay measures for d how much longer than asked the machine lets a goroutine
// sleep, and sends the longest such delay.
func longestDelay(d time.Duration) <-chan time.Duration {
	most := make(chan time.Duration, 1)
	go func() {
		var longest time.Duration
		for began := time.Now(); time.Since(began) < d; {
			before := time.Now()
			time.Sleep(time.Millisecond)
			longest = max(longest, time.Since(before)-time.Millisecond)
		}
		most <- longest
	}()
	return most
}

// search returns how many of the sorted durations are below d.
func search(all []time.Duration, d time.Duration) int {
	i, _ := slices.BinarySearch(all, d)
	return i
}

// TestKilledUnderLoad: with ten times too much load the store dies and comes
// back. The edges hold the limit together before, meanwhile and after.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 100 * time.Millisecond})
	lim, key := shopLimit(), sample.Key("shop")
	var all load
	phase := func(name string, d time.Duration, least, most float64) {
		var l load
		took := l.run(stores, 8000, d, func(r *edge, now time.Time) Decision { return r.Take(key, lim, now) })
		ratio := float64(l.admitted.Load()) / (800 * took.Seconds())
		t.Logf("%s: %d of %d admitted, %.3f of the limit; slowest %s", name, l.admitted.Load(), l.tried.Load(), ratio, time.Duration(l.slowest.Load()))
		if ratio < least || ratio > most {
			t.Errorf("%s: admitted %.3f of the limit, want %.2f..%.2f", name, ratio, least, most)
		}
		all.slow.Add(l.slow.Load())
		all.tried.Add(l.tried.Load())
	}
	phase("the burst is used up", 2*time.Second, 1.8, 2.2) // 1600 beyond the rate
	phase("shared", 2*time.Second, 0.88, 1.05)             // what was too much in the phase before is paid back
	server.Kill()
	// An edge also admits what it has not settled yet, and uses up the burst of its share.
	phase("the first two seconds of the loss", 2*time.Second, 0.85, 1.5)
	phase("lost", 3*time.Second, 0.97, 1.03)
	for _, r := range stores {
		if st := r.Status(); st.Shared || len(st.Nodes) != 3 {
			t.Errorf("the store is killed, but the status is %+v", st)
		}
	}
	server.Restart()
	for _, r := range stores {
		sample.Within(t, 5*time.Second, "the store is shared again", func() bool { return r.Status().Shared })
	}
	phase("the first two seconds after", 2*time.Second, 0.9, 2) // beyond the rate no more than the slack of all: 1600
	phase("shared again", 3*time.Second, 0.88, 1.05)            // paying back what was too much
	if slow, tried := all.slow.Load(), all.tried.Load(); slow*1000 > tried {
		t.Errorf("%d of %d takes needed more than 5 ms", slow, tried)
	}
}

// TestStoreThatForgot: a client that used up its burst gets no new one because
// the store came back empty.
func TestStoreThatForgot(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 100 * time.Millisecond})[0]
	lim, key := &Limit{Interval: 10 * time.Second, Burst: 20}, sample.Key("a bot")
	take := func() (allowed int) {
		for range 100 {
			if store.Take(key, lim, time.Now()).Allowed() {
				allowed++
			}
		}
		return allowed
	}
	got := take()
	sample.Within(t, 5*time.Second, "the tokens are settled", func() bool { return lim.Settled.Load() == 20 })
	server.RestartEmpty()
	for range 20 {
		got += take()
		time.Sleep(100 * time.Millisecond)
	}
	sample.Within(t, 5*time.Second, "the store is shared again", func() bool { return store.Status().Shared })
	if got += take(); got > 21 {
		t.Errorf("%d tokens were taken, want the burst of 20 and at most one more", got)
	}
}

// TestDebtsOfALoss: what was spent while the store was lost is charged when it
// is back, as far as the slack goes.
func TestDebtsOfALoss(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 100 * time.Millisecond})[0]
	lim, key := &Limit{Interval: time.Minute, Burst: 20}, sample.Key("a customer")
	server.Kill()
	sample.Within(t, 5*time.Second, "the store is lost", func() bool { return !store.Status().Shared })
	for range 30 {
		store.Take(key, lim, time.Now())
	}
	if got := lim.Settled.Load(); got != 0 {
		t.Errorf("%d tokens are settled without a store", got)
	}
	server.Restart()
	sample.Within(t, 5*time.Second, "the debts are settled", func() bool { return lim.Settled.Load() == 20 })
}

func TestNewsOfTheStore(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	news := make(chan bool, 10)
	store := newEdge(t, 8<<20, tier.Options{
		Addresses: []string{server.Addr},
		Deadline:  100 * time.Millisecond,
		OnChange:  func(shared bool, _ string) { news <- shared },
	})
	if st := store.Status(); st.Shared || st.Reason == "" {
		t.Errorf("before the start the status is %+v, want a reason why it is not shared", st)
	}
	store.Start()
	store.Start()
	for i, next := range []struct {
		do   func()
		want bool
	}{{func() {}, true}, {server.Kill, false}, {server.Restart, true}} {
		next.do()
		select {
		case got := <-news:
			if got != next.want {
				t.Errorf("news %d: shared is %t, want %t", i, got, next.want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("news %d did not come", i)
		}
	}
	select {
	case got := <-news:
		t.Errorf("there are more news: %t", got)
	case <-time.After(1500 * time.Millisecond): // longer than a probe takes
	}
}
