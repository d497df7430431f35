package need

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
)

// The slots of a Redis Cluster.
const slots = 16384

// RedisCluster starts three redis-servers that share one keyspace, and waits
// until each of them says that the cluster is whole. There are no replicas: a
// killed node takes its third of the keys away, and then the cluster refuses.
func RedisCluster(t testing.TB, conf ...string) [3]*RedisServer {
	t.Helper()
	var nodes [3]*RedisServer
	for i := range nodes {
		nodes[i] = clusterNode(t, conf)
		first, last := i*slots/len(nodes), (i+1)*slots/len(nodes)-1
		nodes[i].Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		nodes[i].Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			nodes[0].meet(nodes[i])
		}
	}
	for _, node := range nodes {
		node.must("waiting for the cluster of", eventually(patience, func() error { return node.isWhole(len(nodes)) }))
	}
	return nodes
}

// RedisClusterReplicated is RedisCluster with a replica of each of the three, which takes over
// when its master has died. The replicas come last.
func RedisClusterReplicated(t testing.TB, conf ...string) (nodes [6]*RedisServer) {
	t.Helper()
	conf = append([]string{"repl-diskless-sync-delay 0"}, conf...)
	masters := RedisCluster(t, conf...)
	copy(nodes[:], masters[:])
	for i, master := range masters {
		replica := clusterNode(t, conf)
		masters[0].meet(replica)
		nodes[len(masters)+i] = replica
		id := master.Do("CLUSTER", "MYID")
		replica.must("giving a master to", eventually(patience, func() error {
			_, err := replica.ask("CLUSTER", "REPLICATE", id)
			return err
		}))
	}
	for _, node := range nodes {
		node.must("waiting for the cluster of", eventually(patience, func() error {
			info, err := node.ask("INFO", "replication")
			if status, isReplica := infoField(info, "master_link_status"); err == nil && isReplica && status != "up" {
				return fmt.Errorf("its link to the master is %q", status)
			}
			return node.isWhole(len(nodes))
		}))
	}
	return nodes
}

// clusterNode starts a server that has no slots and knows no other.
func clusterNode(t testing.TB, conf []string) *RedisServer {
	t.Helper()
	return redis(t, func(s *RedisServer) []string {
		_, bus, _ := net.SplitHostPort(Addr(t))
		s.bus = bus
		return slices.Concat(keepData, []string{
			listenOn(s.Addr),
			"cluster-enabled yes",
			"cluster-config-file nodes.conf",
			"cluster-node-timeout 2000",
			"cluster-port " + bus,
		}, conf)
	})
}

// meet has another server join the Cluster.
func (s *RedisServer) meet(other *RedisServer) {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(other.Addr)
	s.Do("CLUSTER", "MEET", "127.0.0.1", port, other.bus) // the bus, whose port is not the usual one
}

// isWhole says why the cluster of this node would refuse a command, or whom it does not know.
func (s *RedisServer) isWhole(nodes int) error {
	info, err := s.ask("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	state, _ := infoField(info, "cluster_state")
	known, _ := infoField(info, "cluster_known_nodes")
	assigned, _ := infoField(info, "cluster_slots_assigned") // without full coverage the state says nothing of them
	if state != "ok" || known != strconv.Itoa(nodes) || assigned != strconv.Itoa(slots) {
		return fmt.Errorf("its state is %q, and it knows %s of %d nodes and %s of %d slots", state, known, nodes, assigned, slots)
	}
	return nil
}

// A Sentinel watches a master and its replicas, and makes a replica the master
// when the master is silent for 300 ms.
type Sentinel struct {
	// Where it listens; the sentinel itself can be killed and stopped, too.
	*RedisServer

	// Sentinels that watch beside it.
	Others []*RedisServer

	// Under which name a client asks it for the master.
	Name string

	// The servers at the start; a failover does not reorder them.
	Master   *RedisServer
	Replicas []*RedisServer
}

// RedisSentinel starts a master, as many replicas as told and one sentinel that
// knows them all. Each of conf is a line of the servers' redis.conf.
func RedisSentinel(t testing.TB, replicas int, conf ...string) *Sentinel {
	t.Helper()
	s := &Sentinel{Name: "edge"}
	s.start(t, replicas, 1, conf)
	return s
}

// RedisSentinels is RedisSentinel with three sentinels, two of which must agree.
func RedisSentinels(t testing.TB, replicas int, conf ...string) *Sentinel {
	t.Helper()
	s := &Sentinel{Name: "edge"}
	s.start(t, replicas, 3, conf)
	return s
}

func (s *Sentinel) start(t testing.TB, replicas, sentinels int, conf []string) {
	t.Helper()
	conf = append([]string{"repl-diskless-sync-delay 0"}, conf...) // by default 5 s
	s.Master = Redis(t, conf...)
	_, port, _ := net.SplitHostPort(s.Master.Addr)
	for range replicas {
		replica := Redis(t, append([]string{
			"replicaof 127.0.0.1 " + port,
			"masterauth " + strconv.Quote(s.Master.password),
		}, conf...)...)
		replica.must("waiting for the replication of", eventually(patience, func() error {
			info, err := replica.ask("INFO", "replication")
			if status, _ := infoField(info, "master_link_status"); err == nil && status != "up" {
				return fmt.Errorf("its link to the master is %q", status)
			}
			return err
		}))
		s.Replicas = append(s.Replicas, replica)
	}
	s.RedisServer = s.sentinel(t, port, sentinels/2+1)
	for range sentinels - 1 {
		s.Others = append(s.Others, s.sentinel(t, port, sentinels/2+1))
	}
	s.must("waiting for the sentinel of", eventually(patience, func() error {
		info, err := s.ask("INFO", "sentinel")
		want := fmt.Sprintf("name=%s,status=ok,address=%s,slaves=%d,sentinels=%d", s.Name, s.Master.Addr, replicas, sentinels)
		if got, _ := infoField(info, "master0"); err == nil && got != want {
			return fmt.Errorf("it says %q, not %q", got, want)
		}
		return err
	}))
}

// sentinel starts one that watches the master at the port, together with as many that must agree.
func (s *Sentinel) sentinel(t testing.TB, port string, quorum int) *RedisServer {
	t.Helper()
	return redis(t, func(sentinel *RedisServer) []string {
		lines := []string{
			listenOn(sentinel.Addr),
			"sentinel monitor " + s.Name + " 127.0.0.1 " + port + " " + strconv.Itoa(quorum),
			"sentinel down-after-milliseconds " + s.Name + " 300",
			"sentinel failover-timeout " + s.Name + " 2000",
		}
		if s.Master.password != "" {
			lines = append(lines, "sentinel auth-pass "+s.Name+" "+strconv.Quote(s.Master.password))
		}
		return lines
	}, "--sentinel")
}

// MasterAddr returns the address of the master as the sentinel sees it now.
func (s *Sentinel) MasterAddr() string {
	s.t.Helper()
	host, port := "", ""
	asked := s.RedisServer
	if len(s.Others) > 0 { // the first may be frozen
		asked = s.Others[0]
	}
	if _, err := fmt.Sscanf(asked.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name), "%s\n%s", &host, &port); err != nil {
		s.t.Fatalf("reading the master's address of the sentinel on %s: %v", asked.Addr, err)
	}
	return net.JoinHostPort(host, port)
}
