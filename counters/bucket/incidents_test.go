package bucket

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// incidents has every incident tried that a Cluster, Sentinels and a server may meet. That takes
// minutes.
var incidents = flag.Bool("incidents", false, "try every incident of the store, with the node timeout that Redis has by default")

// nodeTimeout is how long the servers of a Cluster wait for each other.
func nodeTimeout() string {
	if *incidents {
		return "cluster-node-timeout 15000"
	}
	return "cluster-node-timeout 1000"
}

// addressesOf are those of servers.
func addressesOf(servers []*need.RedisServer) (all []string) {
	for _, s := range servers {
		all = append(all, s.Addr)
	}
	return all
}

// masterOf returns the server of a Cluster that has the slot of a key.
func masterOf(t *testing.T, nodes []*need.RedisServer, asked *need.RedisServer, key string) *need.RedisServer {
	t.Helper()
	slot := number(t, asked.Do("CLUSTER", "KEYSLOT", key))
	lines := strings.Fields(asked.Do("CLUSTER", "SLOTS")) // first, last, host, port, id, then those of replicas
	for i := 0; i+4 < len(lines); i++ {
		for _, node := range nodes {
			if lines[i+2] == "127.0.0.1" && node.Addr == "127.0.0.1:"+lines[i+3] && number(t, lines[i]) <= slot && slot <= number(t, lines[i+1]) {
				return node
			}
		}
	}
	t.Fatalf("no server has slot %d of %q", slot, key)
	return nil
}

func number(t *testing.T, digits string) (n int) {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// TestClusterIncidents: each master of a Cluster of six dies in turn, first the one that has the
// heartbeats, and its replica takes over.
func TestClusterIncidents(t *testing.T) {
	t.Parallel()
	all := need.RedisClusterReplicated(t, nodeTimeout())
	nodes := all[:]
	c := gather(t, 2, tier.Options{Addresses: addressesOf(nodes)})
	turns := 2
	if *incidents {
		turns = 3
	}
	dead := map[*need.RedisServer]bool{}
	alive := func() *need.RedisServer {
		for _, n := range nodes {
			if !dead[n] {
				return n
			}
		}
		return nil
	}
	for i := range turns {
		victim := masterOf(t, nodes, alive(), "theriac:nodes")
		if i > 0 {
			for _, n := range nodes[:3] {
				if !dead[n] {
					victim = n
				}
			}
		}
		c.incident("a master is killed", func() {
			victim.Kill()
			dead[victim] = true
			sample.Within(t, 60*time.Second, "a replica has taken over", func() bool {
				return strings.Contains(alive().Do("CLUSTER", "INFO"), "cluster_slots_fail:0") && masterOf(t, nodes, alive(), "theriac:nodes") != victim
			})
			c.allShared()
			time.Sleep(6 * time.Second) // until operators are told that all is well
		})
	}
}
