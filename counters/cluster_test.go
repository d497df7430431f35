package counters

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// serverOf returns the server of a Cluster that has a key.
func serverOf(t *testing.T, nodes [3]*need.RedisServer, key string) *need.RedisServer {
	t.Helper()
	slot, err := strconv.Atoi(nodes[0].Do("CLUSTER", "KEYSLOT", key))
	if err != nil {
		t.Fatal(err)
	}
	return nodes[slot*len(nodes)/16384]
}

// TestDeadMap: the server of a Cluster dies that has bans and levels, and no replica takes over. What
// edges know goes on to hold; what is new holds at its edge, without a long wait, and the others
// hear of it when the server is back. The rest of the Cluster is shared meanwhile.
func TestDeadMap(t *testing.T) {
	t.Parallel()
	nodes := need.RedisCluster(t, "cluster-require-full-coverage no")
	opts := tier.Options{Cluster: true, Addresses: []string{nodes[0].Addr, nodes[1].Addr, nodes[2].Addr}}
	stores := edges(t, 2, opts)
	subscribedAll(t, stores)
	setIt(t, stores[0], "rosen", "2", 0)
	banIt(t, stores[0], "a", ban.ByLimit, time.Hour)
	know(t, stores, 5*time.Second, map[string]string{"rosen": "2"})
	list(t, stores, 5*time.Second, "a=limit")

	dead := serverOf(t, nodes, tier.Key("map"))
	dead.Kill()
	began := time.Now()
	if err := stores[0].Set(t.Context(), Level, "rosen", "3", 0, Manual); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("a level is set: %v, want an error that says that it holds here alone", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("that took %s", took)
	}
	banIt(t, stores[1], "b", ban.ByLimit, time.Hour)
	know(t, stores[:1], 5*time.Second, map[string]string{"rosen": "3"})
	know(t, stores[1:], 5*time.Second, map[string]string{"rosen": "2"})
	list(t, stores[1:], 5*time.Second, "a=limit b=limit")
	list(t, stores[:1], 5*time.Second, "a=limit")
	for _, e := range stores {
		sample.Within(t, 10*time.Second, "the status says which server does not answer, and what is there", func() bool {
			st := e.Status()
			_, port, _ := net.SplitHostPort(dead.Addr)
			return st.Shared && st.CutOff > 0 && strings.Contains(st.Reason, ":"+port) && strings.Contains(st.Reason, "bans, levels")
		})
	}
	lim := &Limit{Interval: time.Minute, Burst: 10}
	sample.Within(t, 10*time.Second, "keys of the other servers are settled", func() bool {
		for _, key := range sample.Keys(100) {
			stores[0].Take(key, lim, time.Now())
			stores[0].Take(key, lim, time.Now())
		}
		return lim.Settled.Load() > 100
	})
	dead.Restart()
	know(t, stores, 20*time.Second, map[string]string{"rosen": "3"})
	list(t, stores, 20*time.Second, "a=limit b=limit")
}
