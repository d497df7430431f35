package replica

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestStepsOfTheStoresClock: no entry lasts longer than its length, at the edges that know it
// and at those that read it after the step; a change made by a person counts at once, and
// a deletion deletes. If the clock goes back, no entry ends early.
func TestStepsOfTheStoresClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-time.Hour, -5 * time.Minute, 5 * time.Minute, time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server, clock := need.RedisClock(t)
			opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
			stores := edges(t, 2, opts)
			subscribedAll(t, stores)
			const length = 6 * time.Second
			setIt(t, stores[0], "short", "1", length)
			setIt(t, stores[0], "open", "1", 0)
			began := time.Now()
			know(t, stores, 2*time.Second, map[string]string{"short": "1", "open": "1"})
			clock.Step(by)
			sample.Within(t, 3*time.Second, "the edges are still counted, and the step is seen", func() bool {
				st := stores[1].tier.Status()
				return st.Shared && len(st.Nodes) == 2 && st.Steps == 1
			})
			is := func(e *edge, id, value string) bool {
				all := values(e.Map)
				return all[id] == value && (by > 0 || all["short"] == "1" || time.Since(began) > length)
			}
			setIt(t, stores[1], "open", "2", 0)
			sample.Within(t, 2*time.Second, "a change counts", func() bool { return is(stores[0], "open", "2") && is(stores[1], "open", "2") })
			setIt(t, stores[0], "open", "", 0)
			sample.Within(t, 2*time.Second, "a deletion counts", func() bool { return is(stores[0], "open", "") && is(stores[1], "open", "") })
			setIt(t, stores[0], "late", "1", 0)
			opts.Node = "late"
			late := unstarted(t, opts)
			late.Start()
			sample.Within(t, 5*time.Second, "a third edge has read them", func() bool { return values(late.Map)["late"] == "1" && values(late.Map)["open"] == "" })
			joined := time.Now()
			know(t, stores, time.Until(began.Add(length+2*time.Second)), map[string]string{"late": "1"})
			if early := time.Since(began); by < 0 && early < length-100*time.Millisecond {
				t.Errorf("the entry of %s ends after %s", length, early)
			}
			know(t, []*edge{late}, time.Until(joined.Add(length+2*time.Second)), map[string]string{"late": "1"})
		})
	}
}
