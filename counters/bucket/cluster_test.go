package bucket

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestDeadMaster: one server of a Cluster dies. Clients below their limit are not refused,
// whichever server has their keys; those above it get no more than the limit and the slack; the others'
// keys stay shared, and operators are told at most once that it is lost and that it is back.
func TestDeadMaster(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		conf  string
		stays bool // shared for all other keys, for ever
	}{
		"partial coverage": {"cluster-require-full-coverage no", true},
		"full coverage":    {"cluster-require-full-coverage yes", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := need.RedisCluster(t, test.conf)
			var addresses []string
			for _, n := range nodes {
				addresses = append(addresses, n.Addr)
			}
			var news atomic.Int32
			store := newEdge(t, 8<<20, tier.Options{Addresses: addresses, Deadline: 20 * time.Millisecond, OnChange: func(bool, string) { news.Add(1) }})
			store.Start()
			sample.Within(t, 10*time.Second, "the store is shared", func() bool { return store.Status().Shared })
			heartbeats := nodes[0].Do("CLUSTER", "KEYSLOT", "theriac:nodes")
			victim := nodes[1]
			if ownerOf(t, heartbeats) == 1 {
				victim = nodes[2]
			}
			lim := &Limit{Interval: 50 * time.Millisecond, Burst: 60}
			calm, exact, flood := sample.Keys(12), sample.Keys(24)[12:], sample.Keys(36)[24:]
			var refused, admitted int
			begin := time.Now()
			const ticks = 60 // of 100 ms
			for tick := range ticks {
				if tick == 10 {
					victim.Kill()
				}
				for i := range calm { // half of the limit, and ten times
					if !store.Take(calm[i], lim, time.Now()).Allowed() {
						refused++
					}
					if tick%2 == 0 && !store.TakeExact(context.Background(), exact[i], lim, time.Now()).Allowed() {
						refused++
					}
					for range 20 {
						if store.Take(flood[i], lim, time.Now()).Allowed() {
							admitted++
						}
					}
				}
				time.Sleep(time.Until(begin.Add(time.Duration(tick+1) * 100 * time.Millisecond)))
			}
			took := time.Since(begin)
			most := len(flood) * (int(took/lim.Interval) + int(lim.Burst+lim.slack(1)))
			t.Logf("%d refused; %d of %d admitted in %s, at most %d should be; %d changes of the store", refused, admitted, ticks*20*len(flood), took, most, news.Load())
			if refused > 0 || admitted > most {
				t.Errorf("below the limit %d refused; above it %d admitted, want at most %d", refused, admitted, most)
			}
			if st := store.Status(); st.Shared != test.stays || news.Load() > 2 {
				t.Errorf("shared %t after %d changes: %s", st.Shared, news.Load(), st.Reason)
			}
			victim.Restart()
			sample.Within(t, 20*time.Second, "all is shared again", func() bool {
				cutOff := 0
				for _, key := range append(calm, flood...) {
					store.Take(key, lim, time.Now())
					if store.tier.IsCutOff(partition(&key)) {
						cutOff++
					}
				}
				return cutOff == 0 && store.Status().Shared
			})
			if got := news.Load(); got > 3 {
				t.Errorf("%d changes of the store, want shared, lost and shared", got)
			}
		})
	}
}

// ownerOf returns which of three servers has a slot.
func ownerOf(t *testing.T, slot string) int {
	t.Helper()
	var n int
	for _, c := range slot {
		n = 10*n + int(c-'0')
	}
	return n * 3 / 16384
}
