package tier

import (
	"slices"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestEdgesOfOneName(t *testing.T) {
	server := need.Redis(t)
	var stores [2]*Tier
	for i := range stores {
		r, err := New(Options{Addresses: []string{server.Addr}, Node: "fra-1", Deadline: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		r.Start()
		stores[i] = r
	}
	names := func() []string { return stores[0].Status().Nodes }
	sample.Within(t, 5*time.Second, "both edges are counted", func() bool {
		return slices.Equal(names(), []string{"fra-1", "fra-1"})
	})
	if err := stores[1].Close(); err != nil {
		t.Fatal(err)
	}
	sample.Within(t, 5*time.Second, "the edge that left is not", func() bool {
		return slices.Equal(names(), []string{"fra-1"})
	})
}

func TestMain(m *testing.M) { sample.Main(m) }

// edges starts n edges that share the store of opts, and waits until each of
// them knows of all.
func edges(t testing.TB, n int, opts Options) []*Tier {
	t.Helper()
	stores := make([]*Tier, n)
	for i := range stores {
		store, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Errorf("closing edge %d: %v", i+1, err)
			}
		})
		store.Start()
		stores[i] = store
	}
	for _, store := range stores {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := store.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	return stores
}

func TestEdgeThatDied(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	server.Do("ZADD", nodesKey, server.Do("EVAL", "return redis.call('TIME')[1] .. '000'", "0"), "fra/9/DEAD")
	sample.Within(t, 3*time.Second, "the third edge is counted", func() bool {
		return slices.Contains(stores[0].Status().Nodes, "fra/9") && stores[0].Edges() == 3
	})
	sample.Within(t, 6*time.Second, "it is not once it is silent", func() bool { return stores[0].Edges() == 2 })
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, test := range []struct {
		name string
		opts Options
		want string
	}{
		{"no address", Options{}, "redis: an address is needed, such as 10.0.0.11:6379"},
		{"a Cluster's second database", Options{Addresses: []string{"a:1", "b:1"}, DB: 1}, "redis: database 1: a Redis Cluster has database 0 only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := New(test.opts); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
