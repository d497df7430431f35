package bucket

import (
	"context"
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

var distances = flag.Bool("distances", false, "measure what a distant store costs, as docs/design/counters.md has it, instead of two round trips only")

// TestDistances: two edges at ten times a limit admit no more than it, by an exact zone, and its burst and the
// slack besides by an ordinary one, however far away the store is; and an exact zone waits for no more than a
// round trip.
func TestDistances(t *testing.T) {
	if !*distances {
		t.Parallel()
	}
	trips := []time.Duration{300 * time.Microsecond, 15 * time.Millisecond}
	took := 2 * time.Second
	if *distances {
		trips = []time.Duration{300 * time.Microsecond, 5 * time.Millisecond, 15 * time.Millisecond, 40 * time.Millisecond}
		took = 20 * time.Second
	}
	for _, trip := range trips {
		server := need.Redis(t)
		stores := edges(t, 2, tier.Options{Addresses: []string{far(t, server.Addr, trip/2)}, Deadline: 100 * time.Millisecond}) // not to measure a busy machine
		exact := admittedBy(stores, took, func(e *edge, key netkey.Key, lim *Limit) Decision {
			return e.TakeExact(context.Background(), key, lim, time.Now())
		})
		ordinary := admittedBy(stores, took, func(e *edge, key netkey.Key, lim *Limit) Decision {
			return e.Take(key, lim, time.Now())
		})
		waits := waitsFor(stores[0])
		t.Logf("| %s | %s | %s | %+.1f %% | %+.1f %%, at most %+.0f %% in one second |", trip, rounded(waits[len(waits)/2]), rounded(waits[len(waits)*99/100]),
			100*exact.over, 100*ordinary.over, 100*ordinary.worst)
		if exact.over > 0.3 || ordinary.over > 0.5 { // two edges that do not share admit twice the limit
			t.Errorf("%s away: %.2f of the limit beyond it by an exact zone, %.2f by an ordinary one", trip, exact.over, ordinary.over)
		}
		if median := waits[len(waits)/2]; median > 4*trip+20*time.Millisecond {
			t.Errorf("%s away: an exact zone waits for %s", trip, median)
		}
	}
}

func rounded(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Round(100*time.Microsecond))/float64(time.Millisecond))
}

// overshoot is how much was admitted beyond the limit and its burst, as a part of the limit.
type overshoot struct {
	over, worst float64 // on the whole; in the worst second after the first
}

// admittedBy has many visitors of two edges ask at ten times a shop's limit of 200 a second.
func admittedBy(stores []*edge, took time.Duration, take func(*edge, netkey.Key, *Limit) Decision) (o overshoot) {
	lim, key := &Limit{Interval: 5 * time.Millisecond, Burst: 100, Spread: true}, sample.Key(fmt.Sprint("shop", time.Now()))
	perSecond := make([]int, int(took/time.Second)+2)
	var mu sync.Mutex
	var visitors sync.WaitGroup
	begin := time.Now()
	for i := range 100 {
		visitors.Go(func() {
			for n := 1; time.Since(begin) < took; n++ {
				if take(stores[i%2], key, lim).Allowed() {
					mu.Lock()
					perSecond[int(time.Since(begin)/time.Second)]++
					mu.Unlock()
				}
				time.Sleep(time.Until(begin.Add(time.Duration(n) * 50 * time.Millisecond)))
			}
		})
	}
	visitors.Wait()
	rate, all := float64(time.Second/lim.Interval), 0
	for i, n := range perSecond {
		all += n
		if i > 0 {
			o.worst = max(o.worst, float64(n)/rate-1)
		}
	}
	limit := rate * time.Since(begin).Seconds()
	o.over = (float64(all) - limit - float64(lim.Burst)) / limit
	return o
}

// waitsFor returns how long takes from an exact zone last that is not used up, sorted.
func waitsFor(store *edge) (all []time.Duration) {
	lim := &Limit{Interval: time.Microsecond, Burst: 1000}
	keys := sample.Keys(100)
	for i := range 200 {
		began := time.Now()
		store.TakeExact(context.Background(), keys[i%len(keys)], lim, began)
		all = append(all, time.Since(began))
	}
	slices.Sort(all)
	return all
}
