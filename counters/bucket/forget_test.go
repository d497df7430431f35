package bucket

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestForget: a bucket that is forgotten is full, and its penalty over.
func TestForget(t *testing.T) {
	lim := &Limit{Interval: time.Minute, Burst: 3, Patience: 2, Penalty: time.Hour}
	shared, lost := unreached(t, 4<<20), unreached(t, 4<<20)
	shared.tier.Assume(false, 1)
	for _, test := range []struct {
		name  string
		store store
	}{{"in memory", NewLocal(1 << 20)}, {"with Redis", shared}, {"with Redis lost", lost}} {
		t.Run(test.name, func(t *testing.T) {
			now, keys := time.Now(), sample.Keys(2)
			for range 10 {
				test.store.Take(keys[0], lim, now)
				test.store.Take(keys[1], lim, now)
			}
			before := statusOf(test.store).Keys
			test.store.Forget(keys[0])
			test.store.Forget(keys[0])
			if got := statusOf(test.store).Keys; got != before-1 {
				t.Errorf("%d keys are known, want one less than %d", got, before)
			}
			if d := test.store.Take(keys[0], lim, now); !d.Allowed() || d.Refusals != 0 || d.Remaining != 2 {
				t.Errorf("after it was forgotten: %+v", d)
			}
			if d := test.store.Take(keys[1], lim, now); d.Allowed() || !d.Penalized {
				t.Errorf("control, the other key: %+v", d)
			}
		})
	}
}

// TestForgetInStore: the store forgets a bucket, and another edge finds it full.
func TestForgetInStore(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]func(t *testing.T) tier.Options{
		"a server": func(t *testing.T) tier.Options { return tier.Options{Addresses: []string{need.Redis(t).Addr}} },
		"a Cluster": func(t *testing.T) tier.Options {
			return tier.Options{Addresses: []string{need.RedisCluster(t)[0].Addr}, Cluster: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := opts(t)
			o.Deadline = time.Second
			stores := edges(t, 2, o)
			lim, keys := &Limit{Interval: time.Minute, Burst: 10}, sample.Keys(40)
			for _, key := range keys {
				for range 11 {
					stores[0].Take(key, lim, time.Now())
				}
			}
			sample.Within(t, 10*time.Second, "all is settled", func() bool { return lim.Settled.Load() == 400 })
			for _, key := range keys[:20] {
				stores[0].Forget(key)
			}
			time.Sleep(200 * time.Millisecond)
			for i, key := range keys {
				if d := stores[1].TakeExact(t.Context(), key, lim, time.Now()); d.Allowed() != (i < 20) {
					t.Errorf("key %d: allowed is %t", i, d.Allowed())
				}
			}
		})
	}
}
