package bucket

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestSettleScript walks through settlements of one bucket of one token a
// second. Of each it says what the bucket is ahead afterwards.
func TestSettleScript(t *testing.T) {
	type step struct {
		at, spent, age, want int // in seconds and tokens
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"what was spent is charged", []step{{0, 3, 0, 3}, {1, 2, 0, 4}}},
		{"time pays it back", []step{{0, 3, 0, 3}, {9, 1, 0, 1}}},
		{"beyond any burst, too", []step{{0, 1000, 0, 1000}}},
		{"but not for longer than edges can owe", []step{{0, 1000, 0, 1000}, {0, 1, 0, 5}}},
		{"a clock that goes back by 5 minutes changes nothing", []step{{0, 3, 0, 3}, {-300, 1, 0, 4}, {-298, 1, 0, 3}}},
		{"nor one that goes back by an hour", []step{{0, 3, 0, 3}, {-3600, 1, 5, 4}, {-3500, 1, 0, 1}}},
		{"a clock that goes forward fills the bucket", []step{{0, 3, 0, 3}, {3600, 1, 0, 1}, {3600, 1, 0, 2}}},
		{"from the time it was spent", []step{{10, 3, 2, 1}}},
		{"not from before others spent", []step{{10, 3, 0, 3}, {10, 3, 8, 6}}},
		{"what two edges spent while the bucket filled is charged twice", []step{{10, 4, 5, -1}, {10, 4, 5, 3}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := miniredis.RunT(t)
			store := edges(t, 1, tier.Options{Addresses: []string{server.Addr()}, Deadline: 30 * time.Second})[0]
			d := debt{ask: ask{key: sample.Key("a visitor"), lim: &Limit{Interval: time.Second, Burst: 1}}}
			for i, s := range test.steps {
				server.SetTime(time.Unix(1_800_000_000+int64(s.at), 0))
				d.spent, d.since = int64(s.spent), -int64(s.age)*int64(time.Second)
				bills := store.bills([]debt{d}, 0)
				if err := store.send(bills); err != nil {
					t.Fatal(err)
				}
				ahead, err := bills[0].ahead(nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := ahead[0], int64(s.want)*1e6; got != want {
					t.Errorf("step %d: the bucket is %d µs ahead, want %d", i, got, want)
				}
			}
		})
	}
}

// TestScriptsOnceAndAgain: a store that lost its scripts is taught them again.
func TestScriptsOnceAndAgain(t *testing.T) {
	server := need.Redis(t)
	store := edges(t, 1, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})[0]
	lim := &Limit{Interval: time.Minute, Burst: 2}
	for _, name := range []string{"first", "second"} {
		server.Do("SCRIPT", "FLUSH")
		settled := lim.Settled.Load()
		for range 3 {
			store.Take(sample.Key(name), lim, time.Now())
		}
		sample.Within(t, 5*time.Second, "the tokens of the "+name+" key are settled", func() bool { return lim.Settled.Load() == settled+2 })
	}
	if st := store.Status(); !st.Shared {
		t.Errorf("the store is lost: %s", st.Reason)
	}
}

// TestManyKeys settles more keys than fit into one command, one round trip and
// the queue, and loses none.
func TestManyKeys(t *testing.T) {
	server := need.Redis(t)
	store := edgesOf(t, 1, 32<<20, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})[0]
	lim := &Limit{Interval: time.Hour, Burst: 2}
	keys := sample.Keys(20_000)
	for range 3 {
		for _, key := range keys {
			store.Take(key, lim, time.Now())
		}
	}
	// Keys that found the queue full are asked for by their next take.
	sample.Within(t, 20*time.Second, "every token is settled", func() bool {
		for _, key := range keys {
			store.Take(key, lim, time.Now())
		}
		return lim.Settled.Load() == int64(2*len(keys))
	})
	if got, want := server.Do("DBSIZE"), "20002"; got != want {
		t.Errorf("the store has %s keys, want %s: one a key, the edges and the clock", got, want)
	}
}

func TestCloseSettles(t *testing.T) {
	server := need.Redis(t)
	store := newEdge(t, 4<<20, tier.Options{Addresses: []string{server.Addr}, Node: "edge", Deadline: 5 * time.Second})
	store.Start()
	sample.Within(t, 5*time.Second, "the store is shared", func() bool { return store.Status().Shared })
	lim := &Limit{Interval: time.Minute, Burst: 10}
	for _, key := range sample.Keys(50) {
		for range 11 {
			store.Take(key, lim, time.Now())
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := lim.Settled.Load(); got != 500 {
		t.Errorf("%d of 500 tokens are settled", got)
	}
	if got := server.Do("EXISTS", "theriac:nodes"); got != "0" {
		t.Error("the edge is still among the live ones")
	}
	if err := store.Close(); err != nil {
		t.Errorf("closing once more: %v", err)
	}
}
