package counters

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

func TestEdgesOfOneName(t *testing.T) {
	server := need.Redis(t)
	var stores [2]*Redis
	for i := range stores {
		r, err := NewRedis(RedisOptions{Addresses: []string{server.Addr}, Node: "fra-1", Memory: 4 << 20, Deadline: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		r.Start()
		stores[i] = r
	}
	names := func() []string { return stores[0].Status().Nodes }
	within(t, 5*time.Second, "both edges are counted", func() bool {
		return slices.Equal(names(), []string{"fra-1", "fra-1"})
	})
	if err := stores[1].Close(); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "the edge that left is not", func() bool {
		return slices.Equal(names(), []string{"fra-1"})
	})
}

func TestEdgeThatDied(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second})
	server.Do("ZADD", beatsKey, server.Do("EVAL", "return redis.call('TIME')[1] .. '000'", "0"), "fra/9/DEAD")
	within(t, 3*time.Second, "the third edge is counted", func() bool {
		return slices.Contains(stores[0].Status().Nodes, "fra/9") && stores[0].nodes.Load() == 3
	})
	within(t, 6*time.Second, "it is not once it is silent", func() bool { return stores[0].nodes.Load() == 2 })
}

// TestNoDialBeforeStart: a configuration is checked without the store.
func TestNoDialBeforeStart(t *testing.T) {
	for _, test := range []struct {
		name string
		opts RedisOptions
	}{
		{"one server", RedisOptions{}},
		{"a Cluster", RedisOptions{Cluster: true}},
		{"Sentinel", RedisOptions{Master: "edge"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			opts := test.opts
			opts.Addresses, opts.Memory = []string{l.Addr().String()}, 4<<20
			store, err := NewRedis(opts)
			if err != nil {
				t.Fatal(err)
			}
			lim := &Limit{Interval: time.Minute, Burst: 5}
			for i := range 6 {
				if d := store.TakeExact(t.Context(), keyOf("a visitor"), lim, time.Now()); d.Allowed() != (i < 5) {
					t.Errorf("take %d alone: %+v", i, d)
				}
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
			if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if c, err := l.Accept(); err == nil {
				t.Errorf("%s dialled before Start", c.RemoteAddr())
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, test := range []struct {
		name string
		opts RedisOptions
		want string
	}{
		{"no address", RedisOptions{}, "redis: an address is needed, such as 10.0.0.11:6379"},
		{"a Cluster's second database", RedisOptions{Addresses: []string{"a:1", "b:1"}, DB: 1}, "redis: database 1: a Redis Cluster has database 0 only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := NewRedis(test.opts); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
