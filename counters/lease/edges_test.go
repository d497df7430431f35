package lease

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) {
	if !leadAndTell() {
		sample.Main(m)
	}
}

// edge is one edge's lease, and its connection.
type edge struct {
	*Lease
	tier *tier.Tier
}

// start starts an edge that shares the store of opts, and closes it with the test.
func start(t testing.TB, opts tier.Options) *edge {
	t.Helper()
	connection, err := tier.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	leases := New(connection)
	e := &edge{leases.Lead("watch"), connection}
	t.Cleanup(func() {
		leases.Close()
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	connection.Start()
	return e
}

// tierOf starts n edges, waits until one leads and the others follow it, and watches them.
func tierOf(t testing.TB, n int, opts func(i int) tier.Options) (edges []*edge, w *watcher) {
	t.Helper()
	for i := range n {
		o := opts(i)
		o.Node, o.Deadline = fmt.Sprintf("edge-%d", i+1), 50*time.Millisecond
		edges = append(edges, start(t, o))
	}
	w = watch(t, edges)
	w.leads(t, edges)
	return edges, w
}

// watcher looks all the time which edges lead.
type watcher struct {
	edges []*edge
	quit  chan struct{}
	loop  sync.WaitGroup

	mu       sync.Mutex
	tokens   []int64 // in the order in which they were seen
	leaders  map[int64]int
	overlaps int
	faults   []string
}

func watch(t testing.TB, edges []*edge) *watcher {
	w := &watcher{edges: edges, quit: make(chan struct{}), leaders: map[int64]int{}}
	w.loop.Go(func() {
		for {
			select {
			case <-w.quit:
				return
			case <-time.After(time.Millisecond):
				w.look()
			}
		}
	})
	stop := sync.OnceFunc(func() { close(w.quit); w.loop.Wait() })
	t.Cleanup(stop)
	return w
}

// look looks twice: two edges that lead before and after have led at one moment.
func (w *watcher) look() {
	first, second := make([]State, len(w.edges)), make([]State, len(w.edges))
	for i, e := range w.edges {
		first[i] = e.State()
	}
	for i, e := range w.edges {
		second[i] = e.State()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	leading := 0
	for i := range w.edges {
		if first[i].Role != Leading {
			continue
		}
		if second[i] == first[i] {
			leading++
		}
		token := first[i].Token
		if before, known := w.leaders[token]; known && before != i {
			w.faults = append(w.faults, fmt.Sprintf("token %d is of two edges", token))
		} else if !known {
			w.leaders[token] = i
			w.tokens = append(w.tokens, token)
		}
	}
	if leading > 1 {
		w.overlaps++
	}
}

// check fails the test if two edges have led at once, or tokens have not grown.
func (w *watcher) check(t testing.TB) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.overlaps > 0 || len(w.faults) > 0 || !slices.IsSorted(w.tokens) {
		t.Errorf("two edges led at once in %d moments; %q; tokens %d", w.overlaps, w.faults, w.tokens)
	}
}

// leads waits until one of the edges leads, and all of them say so.
func (w *watcher) leads(t testing.TB, edges []*edge) (leader *edge) {
	t.Helper()
	began := time.Now()
	sample.Within(t, 30*time.Second, "one edge leads, and the others follow it", func() bool {
		leader = nil
		for _, e := range edges {
			if s := e.State(); s.Role == Leading {
				leader = e
			}
		}
		if leader == nil {
			return false
		}
		is := leader.State()
		for _, e := range edges {
			if s := e.State(); s.Leader != is.Leader || s.Token != is.Token || (s.Role == Leading) != (e == leader) {
				return false
			}
		}
		return true
	})
	t.Logf("%s leads, after %s", leader.State().Leader, time.Since(began).Round(time.Millisecond))
	return leader
}

func without(edges []*edge, one *edge) []*edge {
	return slices.DeleteFunc(slices.Clone(edges), func(e *edge) bool { return e == one })
}

// allAlone waits until no edge leads or follows.
func allAlone(t testing.TB, edges []*edge) {
	t.Helper()
	sample.Within(t, 10*time.Second, "each edge is alone", func() bool {
		return !slices.ContainsFunc(edges, func(e *edge) bool { return e.State() != State{} })
	})
}

// TestTwoLeadersAreSeen is the control of the others: an edge that does not wait until it has
// seen no renewal for as long as a lease lasts leads beside another, and that is noticed.
func TestTwoLeadersAreSeen(t *testing.T) {
	t.Parallel()
	addr := need.Redis(t).Addr
	edges, w := tierOf(t, 2, func(int) tier.Options { return tier.Options{Addresses: []string{addr}} })
	rash := without(edges, w.leads(t, edges))[0]
	rash.quit()
	rash.loop.Wait()
	for range 200 { // until no beat comes in between
		if err := rash.ask("-"); err != nil {
			t.Fatal(err)
		}
		if err := rash.ask(rash.known.value); err != nil {
			t.Fatal(err)
		}
		if rash.State().Role == Leading {
			break
		}
	}
	sample.Within(t, 10*time.Second, "two leaders are seen", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.overlaps > 0 })
}

// TestResigned: another edge leads when the leader has closed.
func TestResigned(t *testing.T) {
	t.Parallel()
	addr := need.Redis(t).Addr
	edges, w := tierOf(t, 3, func(int) tier.Options { return tier.Options{Addresses: []string{addr}} })
	var tokens []int64
	for len(edges) > 0 {
		leader := w.leads(t, edges)
		tokens = append(tokens, leader.State().Token)
		leader.Close()
		if s := leader.State(); s != (State{}) {
			t.Errorf("after Close it is %+v", s)
		}
		edges = without(edges, leader)
	}
	w.check(t)
	if !slices.IsSorted(tokens) || len(slices.Compact(tokens)) != 3 {
		t.Errorf("tokens %d, want three that grow", tokens)
	}
}

// TestCutOff: another edge leads when the connections of the leader are gone, and the leader
// knows before. When it is back it follows.
func TestCutOff(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	fronts := []*need.Front{need.Forward(t, server.Addr), need.Forward(t, server.Addr), need.Forward(t, server.Addr)}
	edges, w := tierOf(t, 3, func(i int) tier.Options { return tier.Options{Addresses: []string{fronts[i].Addr}} })
	for range 2 {
		leader := w.leads(t, edges)
		front := fronts[slices.Index(edges, leader)]
		front.Move("")
		w.leads(t, without(edges, leader))
		allAlone(t, []*edge{leader})
		front.Move(server.Addr)
		w.leads(t, edges)
	}
	w.check(t)
}

// TestFrozenStore: a store that does not answer has no leader, and one again when it does. One
// that died and forgot everything has one with a higher token.
func TestFrozenStore(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	edges, w := tierOf(t, 3, func(int) tier.Options { return tier.Options{Addresses: []string{server.Addr}} })
	server.Stop()
	allAlone(t, edges)
	server.Cont()
	w.leads(t, edges)
	server.RestartEmpty() // it may be back before a lease is over
	time.Sleep(life)
	before := w.leads(t, edges).State().Token
	server.Kill()
	allAlone(t, edges)
	server.RestartEmpty()
	if after := w.leads(t, edges).State().Token; after <= before {
		t.Errorf("the token is %d, before the store was emptied it was %d", after, before)
	}
	w.check(t)
}

// TestSteppedClock: the store's clock is set, and nothing happens; the next leader comes in
// time.
func TestSteppedClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			server, clock := need.RedisClock(t)
			front := need.Forward(t, server.Addr)
			edges, w := tierOf(t, 2, func(int) tier.Options { return tier.Options{Addresses: []string{front.Addr}} })
			leader := w.leads(t, edges)
			was := leader.State()
			clock.Step(by)
			for end := time.Now().Add(2 * life); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if s := leader.State(); s.Role == Leading && s != was {
					t.Fatalf("the leader is %+v, it was %+v", s, was)
				}
			}
			leader.Close()
			w.leads(t, without(edges, leader))
			w.check(t)
		})
	}
}

// TestFailover: a replica takes over, and one edge leads, with a higher token or as before.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := need.RedisSentinel(t, 1)
	edges, w := tierOf(t, 3, func(int) tier.Options { return tier.Options{Addresses: []string{s.Addr}, Master: s.Name} })
	s.Master.Kill()
	sample.Within(t, 20*time.Second, "there is another master", func() bool { return s.MasterAddr() != s.Master.Addr })
	time.Sleep(life) // until nobody believes the old one
	w.leads(t, edges)
	w.check(t)
}

// leadAndTell is the edge in a process of its own, if this is that. It prints a time at which it led,
// and its token, again and again.
func leadAndTell() bool {
	addr := os.Getenv("LEASE_OF")
	if addr == "" {
		return false
	}
	connection, err := tier.New(tier.Options{Addresses: []string{addr}, Node: "paused"})
	if err != nil {
		panic(err)
	}
	connection.Start()
	l := New(connection).Lead("watch")
	for ; ; time.Sleep(time.Millisecond) {
		began := time.Now()
		s := l.State()
		ended := time.Now()
		if s.Role == Leading && ended.Sub(began) < life-holds { // it was not paused in between
			fmt.Println(ended.UnixNano(), s.Token)
		}
	}
}
