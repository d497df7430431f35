package bucket

import (
	"context"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestStepsOfTheStoresClock: clients below their limit are never refused, whatever the store's
// clock does; and a client far above it gets no more than a burst besides. The store stays
// shared, and the edge has seen each step.
func TestStepsOfTheStoresClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-5 * time.Minute, 5 * time.Minute, -time.Hour, time.Hour, -2 * time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server, clock := need.RedisClock(t)
			store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})[0]
			lim := &Limit{Interval: 20 * time.Millisecond, Burst: 50}
			calm, exact, flood := sample.Key("half the limit"), sample.Key("half the limit, exactly"), sample.Key("ten times the limit")
			refused, admitted := 0, 0
			count := func(d Decision) (no int) {
				if !d.Allowed() {
					no = 1
				}
				return no
			}
			const ticks, step = 250, 100
			begin := time.Now()
			for tick := range ticks { // of 20 ms
				if tick == step {
					clock.Step(by)
				}
				if tick%2 == 0 {
					refused += count(store.Take(calm, lim, time.Now())) + count(store.TakeExact(context.Background(), exact, lim, time.Now()))
				}
				for range 10 {
					admitted += 1 - count(store.Take(flood, lim, time.Now()))
				}
				time.Sleep(time.Until(begin.Add(time.Duration(tick+1) * lim.Interval)))
			}
			took := time.Since(begin)
			if most := int(took/lim.Interval) + 2*int(lim.Burst) + int(lim.slack(1)); refused > 0 || admitted > most {
				t.Errorf("%d below the limit refused; above it %d of %d admitted, want at most %d", refused, admitted, 10*ticks, most)
			}
			sample.Within(t, 3*time.Second, "the step is seen", func() bool { return store.Status().Steps == 1 })
			if st := store.Status(); !st.Shared {
				t.Errorf("the store is lost: %s", st.Reason)
			}
			t.Logf("%d refused, %d of %d admitted in %s", refused, admitted, 10*ticks, took)
		})
	}
}
