package bucket

import (
	"runtime"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestMemoryCap is for every store and state: addresses with two requests each must
// fit into the cap, and what would not fit is forgotten. A whole edge counts a million
// of them in test/process.
func TestMemoryCap(t *testing.T) {
	const limit = 8 << 20
	keys := sample.Keys(125_000)
	lim := &Limit{Interval: time.Second, Burst: 1, Patience: 3, Penalty: time.Minute}
	for _, test := range []struct {
		name string
		make func() store
	}{
		{"in memory", func() store { return NewLocal(limit) }},
		{"with Redis", func() store {
			r := unreached(t, limit)
			r.tier.Assume(false, 1)
			return r
		}},
		{"with Redis lost", func() store { return unreached(t, limit) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := sample.Heap()
			store, now := test.make(), time.Now()
			for _, key := range keys {
				store.Take(key, lim, now)
				store.Take(key, lim, now)
			}
			grown, st := sample.Heap()-before, statusOf(store)
			t.Logf("%d bytes for %d of at most %d keys, %d evicted", grown, st.Keys, st.Capacity, st.Evicted)
			if grown > limit {
				t.Errorf("%d keys need %d bytes, want at most %d", len(keys), grown, limit)
			}
			if st.Keys > st.Capacity || st.Keys < st.Capacity*8/10 {
				t.Errorf("got %d keys of at most %d: want a full table", st.Keys, st.Capacity)
			}
			if got, want := st.Evicted, int64(len(keys)-st.Keys); got != want {
				t.Errorf("got %d keys evicted, want the %d that are not in the table", got, want)
			}
			runtime.KeepAlive(store)
		})
	}
}

// unreached is a Redis store that is never started.
func unreached(t testing.TB, memory int64) *edge {
	t.Helper()
	return newEdge(t, memory, tier.Options{Addresses: []string{"127.0.0.1:1"}})
}

// TestFloodOfAddresses: keys that are refused must not be forgotten because
// many others come once.
func TestFloodOfAddresses(t *testing.T) {
	m, now := NewLocal(1<<20), time.Now()
	lim := &Limit{Interval: 50 * time.Millisecond, Burst: 60, Patience: 30, Penalty: time.Minute}
	exhausted, penalized := sample.Keys(300)[:200], sample.Keys(300)[200:]
	take := func(keys []netkey.Key, n int) (refused int) {
		for _, key := range keys {
			for range n {
				if !m.Take(key, lim, now).Allowed() {
					refused++
				}
			}
		}
		return refused
	}
	take(exhausted, 60)
	take(penalized, 100)
	for i, key := range sample.Keys(1_000_300)[300:] {
		m.Take(key, lim, now.Add(time.Duration(i)*time.Microsecond))
	}
	if got, want := take(exhausted, 1), len(exhausted); got < want*99/100 {
		t.Errorf("of %d exhausted keys %d are still refused", want, got)
	}
	if got, want := take(penalized, 1), len(penalized); got < want*99/100 {
		t.Errorf("of %d penalized keys %d are still refused", want, got)
	}
	if st := m.Status(); st.Keys != st.Capacity {
		t.Errorf("the flood filled %d of %d slots: it proves nothing", st.Keys, st.Capacity)
	}
}

func TestClockThatRunsBackwards(t *testing.T) {
	lim := &Limit{Interval: time.Second, Burst: 3, Slack: 100, Patience: 3, Penalty: time.Minute}
	redis := unreached(t, 4<<20)
	redis.tier.Assume(false, 1)
	for _, test := range []struct {
		name  string
		store store
	}{
		{"in memory", NewLocal(1 << 20)},
		{"with Redis", redis},
	} {
		t.Run(test.name, func(t *testing.T) {
			now, key := time.Unix(1_700_000_000, 0), sample.Key(test.name)
			for range 3 {
				test.store.Take(key, lim, now)
			}
			back := now.Add(-24 * time.Hour)
			if d := test.store.Take(key, lim, back); d.Wait > time.Minute {
				t.Errorf("a day back the wait is %s, want no more than the limit can cause", d.Wait)
			}
			if d := test.store.Take(key, lim, back.Add(time.Minute)); !d.Allowed() {
				t.Errorf("a minute after the step the wait is still %s", d.Wait)
			}
			if d := test.store.Take(key, lim, now.AddDate(-400, 0, 0)); d.Wait > time.Minute {
				t.Errorf("four centuries back the wait is %s", d.Wait)
			}
		})
	}
}

func TestKeysAreApart(t *testing.T) {
	m, now := NewLocal(1<<20), time.Now()
	lim := &Limit{Interval: time.Second, Burst: 1}
	one := sample.Key("one")
	half := one // the same tag and set, another second half
	half[8]++
	for _, key := range []netkey.Key{one, half, sample.Key("another")} {
		if !m.Take(key, lim, now).Allowed() {
			t.Errorf("the first token of %x was refused", key)
		}
		if m.Take(key, lim, now).Allowed() {
			t.Errorf("the second token of %x was taken", key)
		}
	}
	if got := m.Status().Keys; got != 3 {
		t.Errorf("got %d keys, want 3", got)
	}
}
