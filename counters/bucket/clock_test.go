package bucket

import (
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

var longClocks = flag.Bool("clocks", false, "set clocks by all steps and measure over 40 s, in windows of 10 s, instead of by some, over 6 s, in windows of 2 s")

// clockSteps are by how much clocks are set; some is how many of them are tried usually.
func clockSteps(some int) []time.Duration {
	all := []time.Duration{-5 * time.Minute, time.Hour, -time.Hour, 5 * time.Minute}
	if *longClocks {
		return all
	}
	return all[:some]
}

// traffic is what clients do at two edges that share a store: twelve make half the requests that they
// may, one ten times as many as it may, at both edges, and a shop gets ten times as many from many.
type traffic struct {
	edges  []*edge
	window time.Duration
	now    func(edge int) time.Time

	client, exact, shop *Limit // 50 a second, with a burst of 100

	mu       sync.Mutex
	refused  int
	admitted map[string][]time.Time
}

// run makes requests for a time, and calls disturb in the middle.
func (l *traffic) run(t *testing.T, lasts time.Duration, disturb func()) {
	var wg sync.WaitGroup
	end := time.Now().Add(lasts)
	client := func(every time.Duration, request func()) {
		wg.Go(func() {
			for next := time.Now(); next.Before(end); next = next.Add(every) {
				time.Sleep(time.Until(next))
				request()
			}
		})
	}
	for i := range 12 {
		key, at := sample.Key(fmt.Sprintf("calm %d", i)), i%2
		client(2*l.client.Interval, func() {
			allowed := false
			if i < 10 {
				allowed = l.edges[at].Take(key, l.client, l.now(at)).Allowed()
			} else {
				allowed = l.edges[at].TakeExact(t.Context(), key, l.exact, l.now(at)).Allowed()
			}
			if !allowed {
				l.mu.Lock()
				l.refused++
				l.mu.Unlock()
			}
		})
	}
	for name, lim := range map[string]*Limit{"client": l.client, "shop": l.shop} {
		key := sample.Key("flood of a " + name)
		for at := range l.edges {
			client(lim.Interval/5, func() { l.flood(name, at, key, lim) })
		}
	}
	time.AfterFunc(lasts/2, disturb)
	wg.Wait()
}

func (l *traffic) flood(name string, at int, key netkey.Key, lim *Limit) {
	if l.edges[at].Take(key, lim, l.now(at)).Allowed() {
		l.mu.Lock()
		l.admitted[name] = append(l.admitted[name], time.Now())
		l.mu.Unlock()
	}
}

// most is how many of a flood were admitted in any window after the burst was used up.
func (l *traffic) most(name string, began time.Time) (most int) {
	times := l.admitted[name]
	slices.SortFunc(times, time.Time.Compare)
	first := 0
	for i, at := range times {
		if at.Sub(began) < l.window {
			first = i
			continue
		}
		for at.Sub(times[first]) >= l.window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// check runs a load over a disturbance, and checks which requests were refused.
func check(t *testing.T, stores []*edge, now func(edge int) time.Time, disturb func()) {
	t.Helper()
	lasts, window, percent := 6*time.Second, 2*time.Second, 20
	if *longClocks {
		lasts, window, percent = 40*time.Second, 10*time.Second, 10
	}
	l := &traffic{
		edges: stores, window: window, now: now, admitted: map[string][]time.Time{},
		client: &Limit{Interval: 20 * time.Millisecond, Burst: 100},
		exact:  &Limit{Interval: 20 * time.Millisecond, Burst: 100},
		shop:   &Limit{Interval: 20 * time.Millisecond, Burst: 100, Spread: true},
	}
	began := time.Now()
	l.run(t, lasts, disturb)
	if l.refused > 0 {
		t.Errorf("%d requests below the limit were refused", l.refused)
	}
	for _, name := range []string{"client", "shop"} {
		limit := int(window / l.client.Interval)
		most := l.most(name, began)
		t.Logf("flood of a %s: at most %d in %s, the limit is %d; %d refused below it", name, most, window, limit, l.refused)
		if most > limit*(100+percent)/100 || most < limit/2 {
			t.Errorf("of the flood of a %s %d were admitted in %s, the limit is %d", name, most, window, limit)
		}
	}
}

func rightly(int) time.Time { return time.Now() }

// TestStepsOfTheStoresClock: clients below their limit are never refused, whatever the store's
// clock does, and those above it get the limit. The store stays shared, and each edge has seen
// the step.
func TestStepsOfTheStoresClock(t *testing.T) {
	t.Parallel()
	for _, by := range append(clockSteps(4), 0, -2*time.Second) {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server, clock := need.RedisClock(t)
			stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
			check(t, stores, rightly, func() { clock.Step(by) })
			for _, store := range stores {
				if st := store.Status(); !st.Shared || st.Steps != min(1, int64(by.Abs())) {
					t.Errorf("shared %t after %d steps: %s", st.Shared, st.Steps, st.Reason)
				}
			}
		})
	}
}

// TestFailoverToAnotherClock: the same, where a replica takes over whose clock differs.
func TestFailoverToAnotherClock(t *testing.T) {
	t.Parallel()
	for _, by := range clockSteps(2) {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			addr, promote := need.RedisFailover(t, by)
			stores := edges(t, 2, tier.Options{Addresses: []string{addr}, Deadline: 100 * time.Millisecond})
			check(t, stores, rightly, promote)
			for _, store := range stores {
				if st := store.Status(); !st.Shared || st.Steps != 1 {
					t.Errorf("shared %t after %d steps: %s", st.Shared, st.Steps, st.Reason)
				}
			}
		})
	}
}

// TestStepsOfAnEdgesClock: the same, where the clock of one edge is set.
func TestStepsOfAnEdgesClock(t *testing.T) {
	t.Parallel()
	for _, by := range clockSteps(2) {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server := need.Redis(t)
			stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
			var set sync.Map
			check(t, stores, func(edge int) time.Time {
				if _, ok := set.Load(edge); ok {
					return sample.ClockSet(time.Now(), by)
				}
				return time.Now()
			}, func() { set.Store(1, true) })
		})
	}
}
