package bucket

import (
	"flag"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

var everyIncident = flag.Bool("incidents", false, "try every incident of the store, with the node timeout that Redis has by default: some minutes")

// TestIncidents: whatever happens to the store, nobody below the limit is refused, those above it
// get the limit and the slack, and operators hear of it once.
func TestIncidents(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		isQuick bool
		run     func(t *testing.T)
	}{
		"the masters of a Cluster die in turn":          {true, mastersDie},
		"a slot moves to another server":                {true, slotMoves},
		"a master of a Cluster freezes":                 {false, masterFreezes},
		"three masters in turn die behind Sentinels":    {false, sentinelsFailOver},
		"roles are swapped behind the address":          {false, rolesSwap},
		"all clients are killed ten times a second":     {false, clientsAreKilled},
		"those of a Cluster, too":                       {false, clientsOfAClusterAreKilled},
		"writes are paused":                             {false, writesArePaused},
		"another user's script blocks the server":       {false, scriptBlocks},
		"the server is slow, but answers to heartbeats": {false, serverIsSlow},
	} {
		if test.isQuick || *everyIncident {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test.run(t)
			})
		}
	}
}

// cluster starts one of six servers.
func cluster(t *testing.T) (nodes []*need.RedisServer, opts tier.Options) {
	timeout := "cluster-node-timeout 1000"
	if *everyIncident {
		timeout = "cluster-node-timeout 15000"
	}
	all := need.RedisClusterReplicated(t, timeout)
	for _, n := range all {
		opts.Addresses = append(opts.Addresses, n.Addr)
	}
	return all[:], opts
}

// masterOf returns the server of a Cluster that has the slot, as another one sees it.
func masterOf(t *testing.T, nodes []*need.RedisServer, asked *need.RedisServer, slot string) *need.RedisServer {
	t.Helper()
	n := number(slot)
	lines := strings.Fields(asked.Do("CLUSTER", "SLOTS")) // first, last, host and port, and more
	for i := 0; i+3 < len(lines); i++ {
		if first, last := number(lines[i]), number(lines[i+1]); first < 0 || n < first || last < n {
			continue
		}
		for _, node := range nodes {
			if node.Addr == net.JoinHostPort(lines[i+2], lines[i+3]) {
				return node
			}
		}
	}
	t.Fatalf("no server has slot %s", slot)
	return nil
}

// number reads a number; -1 is none.
func number(digits string) int {
	if n, err := strconv.Atoi(digits); err == nil {
		return n
	}
	return -1
}

// mastersDie: each master dies, first the one that has the heartbeats, and its replica takes over.
func mastersDie(t *testing.T) {
	nodes, opts := cluster(t)
	c := gather(t, 2, opts)
	heartbeats := nodes[0].Do("CLUSTER", "KEYSLOT", "theriac:nodes")
	first := masterOf(t, nodes, nodes[0], heartbeats)
	victims := []*need.RedisServer{first}
	for _, n := range nodes[:3] {
		if n != first && (*everyIncident || len(victims) == 1) {
			victims = append(victims, n)
		}
	}
	for turn, victim := range victims {
		if turn > 0 {
			time.Sleep(6 * time.Second) // operators are told that all is well
		}
		c.incident("a master is killed", func() {
			victim.Kill()
			slot := "0"
			for i, n := range nodes[:3] {
				if n == victim {
					slot = strconv.Itoa(i * 16384 / 3)
				}
			}
			sample.Within(t, 60*time.Second, "a replica has taken over", func() bool {
				return masterOf(t, nodes, nodes[5], slot) != victim && strings.Contains(nodes[5].Do("CLUSTER", "INFO"), "cluster_state:ok")
			})
			c.allShared()
		})
		victim.Restart() // as a replica
	}
}

// slotMoves: half of a slot's keys are at another server for some seconds, so that commands with
// several keys are refused (TRYAGAIN), and others are sent there (ASK); then all are (MOVED).
func slotMoves(t *testing.T) {
	nodes, opts := cluster(t)
	c := gather(t, 2, opts)
	slot := nodes[0].Do("CLUSTER", "KEYSLOT", name("bucket", &c.calm[0]))
	from := masterOf(t, nodes, nodes[0], slot)
	to := nodes[0]
	if from == to {
		to = nodes[1]
	}
	_, port, _ := net.SplitHostPort(to.Addr)
	move := func(keys int) {
		for key := range strings.FieldsSeq(from.Do("CLUSTER", "GETKEYSINSLOT", slot, strconv.Itoa(keys))) {
			from.Do("MIGRATE", "127.0.0.1", port, key, "0", "1000")
		}
	}
	c.incident("a slot moves", func() {
		to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.Do("CLUSTER", "MYID"))
		from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.Do("CLUSTER", "MYID"))
		for range 30 {
			move(1)
			time.Sleep(tick)
		}
		move(1000)
		id := to.Do("CLUSTER", "MYID")
		for _, n := range []*need.RedisServer{to, from} {
			n.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
		}
		time.Sleep(10 * tick)
		c.allShared()
	})
}

func masterFreezes(t *testing.T) {
	nodes, opts := cluster(t)
	c := gather(t, 2, opts)
	for _, i := range []int{0, 1} {
		c.incident("a master freezes", func() {
			nodes[i].Stop()
			slot := strconv.Itoa(i * 16384 / 3)
			sample.Within(t, 60*time.Second, "a replica has taken over", func() bool { return masterOf(t, nodes, nodes[5], slot) != nodes[i] })
			c.allShared()
		})
		nodes[i].Cont()
		time.Sleep(6 * time.Second)
	}
}

// sentinelsFailOver: three masters die one after the other, the last two while the Sentinel is
// frozen that edges know first.
func sentinelsFailOver(t *testing.T) {
	s := need.RedisSentinels(t, 2)
	servers := append([]*need.RedisServer{s.Master}, s.Replicas...)
	c := gather(t, 2, tier.Options{Addresses: []string{s.Addr, s.Others[0].Addr, s.Others[1].Addr}, Master: s.Name})
	for i := range 3 {
		if i == 1 {
			s.Stop()
		}
		was := s.MasterAddr()
		master := servers[slices.IndexFunc(servers, func(r *need.RedisServer) bool { return r.Addr == was })]
		c.incident("a master dies", func() {
			master.Kill()
			sample.Within(t, 60*time.Second, "there is another master", func() bool { return s.MasterAddr() != was })
			c.allShared()
		})
		master.Restart()
		time.Sleep(8 * time.Second) // it becomes a replica
	}
	s.Cont()
}

// door is an address behind which now this server is, now that.
type door struct {
	addr string
	to   atomic.Pointer[string]
}

func newDoor(t *testing.T, to string) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := &door{addr: l.Addr().String()}
	d.to.Store(&to)
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			distant, err := net.Dial("tcp", *d.to.Load())
			if err != nil {
				near.Close()
				continue
			}
			relay := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				to.Close()
				from.Close()
			}
			go relay(distant, near)
			go relay(near, distant)
		}
	}()
	return d
}

// rolesSwap: connections stay with a server that has become a replica (READONLY).
func rolesSwap(t *testing.T) {
	first, second := need.Redis(t), need.Redis(t)
	follow := func(replica, master *need.RedisServer) {
		_, port, _ := net.SplitHostPort(master.Addr)
		replica.Do("REPLICAOF", "127.0.0.1", port)
	}
	follow(second, first)
	at := newDoor(t, first.Addr)
	c := gather(t, 2, tier.Options{Addresses: []string{at.addr}})
	for range 2 {
		c.incident("roles are swapped", func() {
			second.Do("REPLICAOF", "NO", "ONE")
			follow(first, second)
			time.Sleep(15 * tick)
			at.to.Store(&second.Addr)
			time.Sleep(30 * tick)
			c.allShared()
		})
		first, second = second, first
	}
}

// killClients ends all connections of clients, ten times a second.
func killClients(servers []*need.RedisServer) {
	for range 50 {
		for _, s := range servers {
			s.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		}
		time.Sleep(tick)
	}
}

func clientsAreKilled(t *testing.T) {
	server := need.Redis(t)
	c := gather(t, 2, tier.Options{Addresses: []string{server.Addr}})
	c.incident("clients are killed", func() { killClients([]*need.RedisServer{server}) })
	c.allShared()
}

func clientsOfAClusterAreKilled(t *testing.T) {
	nodes, opts := cluster(t)
	c := gather(t, 2, opts)
	c.incident("clients of a Cluster are killed", func() { killClients(nodes[:3]) })
	c.allShared()
}

func writesArePaused(t *testing.T) {
	server := need.Redis(t)
	c := gather(t, 2, tier.Options{Addresses: []string{server.Addr}})
	c.incident("writes are paused for 5 s", func() {
		server.Do("CLIENT", "PAUSE", "5000", "WRITE")
		time.Sleep(60 * tick)
		c.allShared()
	})
}

func scriptBlocks(t *testing.T) {
	server := need.Redis(t, "busy-reply-threshold 100")
	c := gather(t, 2, tier.Options{Addresses: []string{server.Addr}})
	other, err := net.Dial("tcp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c.incident("a script blocks the server for 6 s", func() {
		if _, err := other.Write([]byte("EVAL \"local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 6 do end return 1\" 0\r\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * tick)
		c.allShared()
	})
}

// serverIsSlow: exact zones give up, as the server is blocked for 60 ms ten times a second, and
// heartbeats do not.
func serverIsSlow(t *testing.T) {
	server := need.Redis(t)
	c := gather(t, 2, tier.Options{Addresses: []string{server.Addr}})
	c.incident("the server is blocked for 60 ms again and again", func() {
		for range 60 {
			server.Do("EVAL", "local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end local t = now() while now() - t < 60 do end return 1", "0")
			time.Sleep(40 * time.Millisecond)
		}
	})
	c.allShared()
}
