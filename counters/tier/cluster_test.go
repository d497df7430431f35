package tier

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

var incr = NewScript("for _, key in ipairs(KEYS) do redis.call('INCR', key) end return redis.call('GET', KEYS[1])")

// inCluster starts an edge of a Cluster, and returns for each of its servers two partitions.
func inCluster(t *testing.T, opts Options, conf ...string) (*Tier, [3]*need.RedisServer, map[string][]uint8) {
	t.Helper()
	nodes := need.RedisCluster(t, conf...)
	for _, n := range nodes {
		opts.Addresses = append(opts.Addresses, n.Addr)
	}
	store := edges(t, 1, opts)[0]
	return store, nodes, store.byServer()
}

// call calls incr for keys of a partition.
func call(p uint8, keys ...string) *Call {
	c := &Call{Partition: p}
	for _, key := range keys {
		c.Keys = append(c.Keys, PartitionKey("test", p, key))
	}
	return c
}

// TestChargedOnce: a command that is refused for the moment, while its slot moves to another
// server, does not have the others be carried out again.
func TestChargedOnce(t *testing.T) {
	t.Parallel()
	store, nodes, parts := inCluster(t, Options{Deadline: 5 * time.Second})
	moving, stays := parts[nodes[0].Addr][0], parts[nodes[0].Addr][1]
	slot := nodes[0].Do("CLUSTER", "KEYSLOT", PartitionKey("test", moving, "there"))
	nodes[0].Do("SET", PartitionKey("test", moving, "there"), "0")
	nodes[0].Do("CLUSTER", "SETSLOT", slot, "MIGRATING", nodes[1].Do("CLUSTER", "MYID"))
	nodes[1].Do("CLUSTER", "SETSLOT", slot, "IMPORTING", nodes[0].Do("CLUSTER", "MYID"))
	count := func() string { return nodes[0].Do("GET", PartitionKey("test", stays, "a")) }

	calls := []*Call{call(moving, "there", "missing"), call(stays, "a"), call(moving, "there"), call(moving, "missing")}
	if err := store.RunAll(5*time.Second, incr, calls); err != nil {
		t.Fatal(err)
	}
	if err := calls[0].Reply.Err(); err == nil || !strings.HasPrefix(err.Error(), "TRYAGAIN") {
		t.Errorf("keys at two servers: error %v, want TRYAGAIN", err)
	}
	for i, c := range calls[1:] {
		if err := c.Reply.Err(); err != nil {
			t.Errorf("call %d, a single key: %v", i+2, err)
		}
	}
	if got := count(); got != "1" {
		t.Errorf("the call beside it was carried out %s times, want once", got)
	}
	pipe := store.client.Pipeline()
	for _, c := range calls[:2] {
		pipe.EvalSha(t.Context(), incr.script.Hash(), c.Keys)
	}
	if _, err := pipe.Exec(t.Context()); err == nil || count() == "2" {
		t.Errorf("the control, a pipeline of the client library: error %v, the call beside it was carried out %s times, want more than 2", err, count())
	}
}

// TestFrozenServer: what the other servers of a Cluster have answered counts, though one does not
// answer.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	store, nodes, parts := inCluster(t, Options{Deadline: 50 * time.Millisecond})
	var calls []*Call
	for _, some := range parts {
		calls = append(calls, call(some[0], "a"))
	}
	warm := func() { _ = store.RunAll(time.Second, incr, calls) }
	warm()
	nodes[0].Stop()
	frozen := parts[nodes[0].Addr][0]
	for range 3 {
		if err := store.RunAll(200*time.Millisecond, incr, calls); err != nil {
			t.Error(err)
		}
	}
	for _, c := range calls {
		if err := c.Reply.Err(); (err != nil) != (c.Partition == frozen) || store.IsCutOff(c.Partition) != (c.Partition == frozen) {
			t.Errorf("partition %d, the frozen one is %d: error %v, cut off %t", c.Partition, frozen, err, store.IsCutOff(c.Partition))
		}
	}
	wrong := 0 // what a pipeline of the client library gets wrong
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		pipe := store.client.Pipeline()
		for _, c := range calls {
			c.Reply = pipe.EvalSha(ctx, incr.script.Hash(), c.Keys)
		}
		_, _ = pipe.Exec(ctx)
		cancel()
		for _, c := range calls {
			if c.Partition != frozen && c.Reply.Err() != nil {
				wrong++
			}
		}
	}
	if wrong == 0 {
		t.Error("the control, a pipeline of the client library, reports no good answer as failed")
	}
	nodes[0].Cont()
	sample.Within(t, 10*time.Second, "the server is asked again", func() bool { return !store.IsCutOff(frozen) })
}

// TestPartOfACluster: operators are told once which server does not answer, why, what is there and
// what to do, and once that it does again. The status says it meanwhile.
func TestPartOfACluster(t *testing.T) {
	t.Parallel()
	for name, hasHeartbeats := range map[string]bool{"with the heartbeats": true, "another": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var told []string
			tell := func(what string) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, what)
			}
			store, nodes, _ := inCluster(t, Options{
				Deadline: 50 * time.Millisecond,
				OnPart:   func(lost bool, note string) { tell(fmt.Sprintf("%t %s", lost, note)) },
				OnChange: func(shared bool, _ string) { tell(fmt.Sprintf("shared %t", shared)) },
			}, "cluster-require-full-coverage no")
			var victim *need.RedisServer
			for _, n := range nodes {
				if (store.serverOf(nodesKey) == n.Addr) == hasHeartbeats {
					victim = n
				}
			}
			victim.Kill()
			lost := store.byServer()[victim.Addr]
			ask := func() {
				for range cutOffAfter {
					_ = store.RunIn(t.Context(), lost[0], 50*time.Millisecond, incr, call(lost[0], "a").Keys, nil, func(Reply) error { return nil })
				}
			}
			ask()
			sample.Within(t, 10*time.Second, "the status says so", func() bool { return store.Status().CutOff == len(lost) })
			sample.Within(t, 10*time.Second, "its line is written", func() bool { return store.Status().Reason != "" })
			st := store.Status()
			t.Log(st.Reason)
			port := victim.Addr[strings.LastIndexByte(victim.Addr, ':')+1:]
			for _, want := range []string{net.JoinHostPort("127.0.0.1", port) + " (nothing listens there)", fmt.Sprintf("%d of 64 partitions", len(lost)), "fall to 1/1", "try: start that server"} {
				if !strings.Contains(st.Reason, want) {
					t.Errorf("it says %q, want %q in it", st.Reason, want)
				}
			}
			if got := strings.Contains(st.Reason, "bans, levels"); got != hasHeartbeats || !st.Shared {
				t.Errorf("shared %t; it says that bans and levels are there: %t, want %t", st.Shared, got, hasHeartbeats)
			}
			victim.Restart()
			sample.Within(t, 20*time.Second, "all is well", func() bool { s := store.Status(); return s.Reason == "" && s.CutOff == 0 && s.Shared })
			sample.Within(t, 20*time.Second, "that is told", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) > 2 })
			mu.Lock()
			defer mu.Unlock()
			if len(told) != 3 || told[0] != "shared true" || !strings.HasPrefix(told[1], "true part of") || !strings.HasPrefix(told[2], "false all of") {
				t.Errorf("operators were told %q", told)
			}
		})
	}
}
