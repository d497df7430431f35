package anycast

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// network delivers facts late, twice, out of order, or not at all.
type network struct {
	rng    *rand.Rand
	edges  []*Edge
	down   []bool // the process is gone
	queue  []delivery
	forged bool // acknowledges wishes that were not seen
}

type delivery struct {
	at   time.Time
	to   int
	fact Fact
}

func newNetwork(rng *rand.Rand, n, keep int) *network {
	net := &network{rng: rng, down: make([]bool, n)}
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("e%d", i))
	}
	for i := range n {
		tier := Tier{Edge: names[i], Edges: names, Keep: keep}
		if err := tier.Validate(); err != nil {
			panic(err)
		}
		skew := time.Duration(rng.IntN(120)-60) * time.Second // clocks differ
		net.edges = append(net.edges, New(tier, began.Add(skew)))
	}
	return net
}

// say sends a fact to all others.
func (n *network) say(now time.Time, from int) {
	fact := n.edges[from].Fact()
	for to := range n.edges {
		for range n.rng.IntN(3) { // lost, once, twice
			n.queue = append(n.queue, delivery{now.Add(time.Duration(n.rng.IntN(2500)) * time.Millisecond), to, fact})
		}
	}
}

func (n *network) deliver(now time.Time) {
	var later []delivery
	for _, d := range n.queue {
		if d.at.After(now) {
			later = append(later, d)
			continue
		}
		if n.forged {
			d.fact.Saw = map[string]uint64{n.edges[d.to].tier.Edge: n.edges[d.to].wish}
		}
		n.edges[d.to].Hear(now, d.fact)
	}
	n.queue = later
}

func (n *network) announced() (count int) {
	for _, e := range n.edges {
		if e.state.HasRoutes() {
			count++
		}
	}
	return count
}

// simulate runs a tier whose edges fail, recover and are drained at random, and
// reports whether ever fewer than keep were announced after they once were.
func simulate(seed uint64, edges, keep int, forged bool) (fewest, leaves int) {
	rng := rand.New(rand.NewPCG(seed, 17))
	net := newNetwork(rng, edges, keep)
	net.forged = forged
	fails := make([]bool, edges)
	fewest = edges
	up := false
	for tick := range 3000 { // 5 min of 100 ms
		now := began.Add(time.Duration(tick) * 100 * time.Millisecond)
		net.deliver(now)
		for i, e := range net.edges {
			if (tick+i)%10 != 0 {
				continue
			}
			switch rng.IntN(60) {
			case 0:
				fails[i] = !fails[i]
			case 1:
				_ = e.Drain(now, time.Duration(rng.IntN(20))*time.Second, "x", "x")
			case 2, 3, 4, 5, 6:
				_ = e.Undrain(now, "x", "x")
			}
			if rng.IntN(100) == 0 { // a common cause comes, or ends
				common := rng.IntN(2) == 0
				for j := range fails {
					fails[j] = common
				}
			}
			why := ""
			if fails[i] {
				why = "fails"
			}
			had := e.state.HasRoutes()
			e.SetConnections(rng.IntN(2))
			e.Step(now, Health{why})
			if had && !e.state.HasRoutes() {
				leaves++
			}
			net.say(now, i)
		}
		count := net.announced()
		up = up || count >= keep
		if up {
			fewest = min(fewest, count)
		}
	}
	return fewest, leaves
}

func TestNeverFewerThanKeep(t *testing.T) {
	total := 0
	for seed := range uint64(20) {
		edges := 2 + int(seed%4)
		keep := 1 + int(seed/4)%edges
		fewest, leaves := simulate(seed, edges, keep, false)
		if fewest < keep {
			t.Errorf("seed %d: %d of %d edges were announced, %d must be", seed, fewest, edges, keep)
		}
		total += leaves
	}
	if total < 50 {
		t.Errorf("edges left %d times in all: too few to say anything", total)
	}
}

// The control: edges that believe in acknowledgements that were never given do leave
// too many.
func TestWithoutAcknowledgementsTooManyLeave(t *testing.T) {
	for seed := range uint64(60) {
		if fewest, _ := simulate(seed, 3, 2, true); fewest < 2 {
			return
		}
	}
	t.Error("in no run did too few edges stay, so TestNeverFewerThanKeep shows nothing")
}

// Whatever the checks say, an edge's own withdrawals are three within ten minutes at the most,
// and each stay is of Rise at the least.
func TestNeverFlapsFasterThanAllowed(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 4))
		p := newPair(t, 1, "b")
		var leaves []time.Time
		for range 7200 {
			had, why := p.state.HasRoutes(), ""
			if rng.IntN(3) > 0 && p.now.Second()/20 == 0 {
				why = refused
			}
			p.run(1, why)
			if had && !p.state.HasRoutes() {
				leaves = append(leaves, p.now)
			}
			if !had && p.state.HasRoutes() && len(leaves) > 0 && p.now.Sub(leaves[len(leaves)-1]) < Rise {
				t.Fatalf("seed %d: it was back after %v", seed, p.now.Sub(leaves[len(leaves)-1]))
			}
		}
		for i := MostLeaves; i < len(leaves); i++ {
			if leaves[i].Sub(leaves[i-MostLeaves]) < LeaveWindow {
				t.Errorf("seed %d: more than %d withdrawals in %v: %v", seed, MostLeaves, LeaveWindow, leaves)
			}
		}
		if len(leaves) == 0 {
			t.Errorf("seed %d: it never left, so this shows nothing", seed)
		}
	}
}

// A process that starts again takes no answer to its predecessor for one of its own.
func TestRestartedEdgeIsNotAnsweredForItsPredecessor(t *testing.T) {
	tier := Tier{Edge: "a", Edges: []string{"a", "b"}, Keep: 1}
	first, second := New(tier, began), New(tier, began.Add(time.Second))
	if first.clock++; second.clock <= first.clock {
		t.Errorf("the wishes of the process that started later would not be later: %d, %d", second.clock, first.clock)
	}
	b := New(Tier{Edge: "b", Edges: tier.Edges, Keep: 1}, began)
	if f := first.Fact(); !b.Hear(began, f) || b.Hear(began, f) {
		t.Error("a fact counts once")
	}
	if !b.Hear(began, second.Fact()) || b.Hear(began, first.Fact()) {
		t.Error("facts of the process that started later replace those of the one before it")
	}
	if b.Hear(began, Fact{Edge: "z", Seq: 1}) || b.Hear(began, Fact{Edge: "b", Seq: 1 << 60}) {
		t.Error("a fact of a stranger, or of the edge itself, counts")
	}
}
