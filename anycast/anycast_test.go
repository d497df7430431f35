package anycast

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// pair is an edge with others that always answer at once.
type pair struct {
	*Edge
	now    time.Time
	others []string
	quiet  bool // they say nothing
	wishes map[string]uint64
	states map[string]State
	seq    uint64
}

func newPair(t *testing.T, keep int, others ...string) *pair {
	t.Helper()
	tier := Tier{Edge: "me", Edges: append([]string{"me"}, others...), Keep: keep}
	if err := tier.Validate(); err != nil {
		t.Fatal(err)
	}
	return &pair{Edge: New(tier, began), now: began, others: others, wishes: map[string]uint64{}, states: map[string]State{}}
}

// run takes steps of a second, and returns the last decision.
func (p *pair) run(seconds int, why string) (d Decision) {
	for range seconds {
		p.now = p.now.Add(time.Second)
		for _, name := range p.others {
			if p.quiet {
				break
			}
			p.seq++
			state := p.states[name]
			if state == "" {
				state = Announced
			}
			p.Hear(p.now, Fact{Edge: name, Seq: p.seq, State: state, Wish: p.wishes[name], Saw: map[string]uint64{"me": p.wish}})
		}
		d = p.Step(p.now, Health{why})
	}
	return d
}

const refused = "a request through the address: connection refused"

func TestStatesOfAnEdge(t *testing.T) {
	type step struct {
		do      func(*pair) error
		seconds int
		why     string // of the health check
		want    State
		alarm   bool
	}
	drain := func(p *pair) error { return p.Drain(p.now, Goodbye, "anna", "kernel update") }
	cases := map[string]struct {
		keep   int
		others []string
		steps  []step
	}{
		"an edge is announced once it was healthy for 10 s": {1, []string{"b"}, []step{{nil, 10, "", Starting, false}, {nil, 1, "", Announced, false}}},
		"after a failure the 10 s begin again":              {1, []string{"b"}, []step{{nil, 9, "", Starting, false}, {nil, 1, refused, Starting, false}, {nil, 10, "", Starting, false}, {nil, 1, "", Announced, false}}},
		"two failures in a row are none":                    {1, []string{"b"}, []step{{nil, 11, "", Announced, false}, {nil, 2, refused, Announced, false}, {nil, 1, "", Announced, false}, {nil, 2, refused, Announced, false}}},
		"the third failure withdraws, as soon as others have seen the wish": {1, []string{"b"}, []step{
			{nil, 11, "", Announced, false},
			{nil, 3, refused, Leaving, true},
			{nil, 1, refused, Withdrawn, false},
			{nil, 10, "", Withdrawn, false},
			{nil, 1, "", Announced, false},
		}},
		"the last edge stays, and alarms":                             {1, nil, []step{{nil, 11, "", Announced, false}, {nil, 600, refused, Leaving, true}, {nil, 1, "", Announced, false}}},
		"an edge that never was healthy comes when too few are there": {1, nil, []step{{nil, 12, refused, Starting, false}, {nil, 1, refused, Announced, true}, {nil, 9, refused, Leaving, true}}},
		"but not while another is announced":                          {1, []string{"b"}, []step{{nil, 600, refused, Starting, false}}},
		"nor if silence may mean that another is": {1, []string{"b"}, []step{
			{func(p *pair) error { p.quiet = true; return nil }, 600, refused, Starting, false},
			{func(p *pair) error { p.quiet, p.states["b"] = false, Drained; return nil }, 1, refused, Announced, true},
		}},
		"an edge stays while the others are not heard": {1, []string{"b", "c"}, []step{
			{nil, 11, "", Announced, false},
			{func(p *pair) error { p.quiet = true; return nil }, 600, refused, Leaving, true},
			{func(p *pair) error { p.quiet = false; return nil }, 1, refused, Withdrawn, false},
		}},
		"the edge that asks first leaves first": {1, []string{"b"}, []step{
			{nil, 11, "", Announced, false},
			{func(p *pair) error { p.wishes["b"] = 1; return nil }, 60, refused, Leaving, true},
		}},
		"a drain takes its minute, and lasts until a person ends it": {1, []string{"b"}, []step{
			{func(p *pair) error { p.SetConnections(7); return nil }, 11, "", Announced, false},
			{drain, 2, "", Draining, false},
			{nil, 59, "", Draining, false},
			{nil, 1, "", Drained, false},
			{nil, 3600, "", Drained, false},
			{func(p *pair) error { return p.Undrain(p.now, "anna", "done") }, 10, "", Withdrawn, false},
			{nil, 1, "", Announced, false},
		}},
		"a drain ends early without connections":              {1, []string{"b"}, []step{{nil, 11, "", Announced, false}, {drain, 2, "", Drained, false}}},
		"a drain waits while too few would stay":              {2, []string{"b"}, []step{{nil, 11, "", Announced, false}, {drain, 600, "", Leaving, true}}},
		"a drain of an edge that is not announced is at once": {1, []string{"b"}, []step{{drain, 1, refused, Drained, false}}},
		"a forced withdrawal goes through although no edge stays": {1, nil, []step{
			{nil, 11, "", Announced, false},
			{func(p *pair) error { return p.Withdraw(p.now, true, "anna", "fire") }, 1, "", Drained, false},
		}},
		"a withdrawal that is not forced waits for another edge": {1, nil, []step{
			{nil, 11, "", Announced, false},
			{func(p *pair) error { return p.Withdraw(p.now, false, "anna", "fire") }, 60, "", Leaving, true},
		}},
		"the third withdrawal within ten minutes holds an edge out": {1, []string{"b"}, []step{
			{nil, 11, "", Announced, false},
			{nil, 4, refused, Withdrawn, false},
			{nil, 11, "", Announced, false},
			{nil, 4, refused, Withdrawn, false},
			{nil, 11, "", Announced, false},
			{nil, 4, refused, Held, true},
			{nil, 7200, "", Held, true},
			{func(p *pair) error { return p.Undrain(p.now, "anna", "cable changed") }, 11, "", Announced, false},
		}},
		"three withdrawals within eleven minutes do not": {1, []string{"b"}, []step{
			{nil, 11, "", Announced, false},
			{nil, 4, refused, Withdrawn, false},
			{nil, 330, "", Announced, false},
			{nil, 4, refused, Withdrawn, false},
			{nil, 330, "", Announced, false},
			{nil, 4, refused, Withdrawn, false},
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, c.keep, c.others...)
			for i, s := range c.steps {
				if s.do != nil {
					if err := s.do(p); err != nil {
						t.Fatal(err)
					}
				}
				d := p.run(s.seconds, s.why)
				if d.State != s.want || (d.Alarm != "") != s.alarm || d.Why == "" {
					t.Fatalf("after step %d: %+v; want %s, alarm %v, and a reason", i+1, d, s.want, s.alarm)
				}
			}
		})
	}
}

func TestHistorySaysWhyAndByWhom(t *testing.T) {
	p := newPair(t, 1, "b")
	p.run(11, "")
	if err := p.Drain(p.now, 0, "anna", "kernel update"); err != nil {
		t.Fatal(err)
	}
	p.run(2, "")
	history := p.History()
	last := history[len(history)-1]
	if last.State != Drained || last.By != "anna" || last.Why != "kernel update" || last.At.IsZero() {
		t.Errorf("the last change is %+v", last)
	}
	for range 2 * mostChanges {
		p.run(11, "")
		p.order = order{out: !p.order.out, why: "back and forth"}
	}
	if n := len(p.History()); n > mostChanges {
		t.Errorf("%d changes are kept, %d is the most", n, mostChanges)
	}
}

func TestOrdersThatMakeNoSense(t *testing.T) {
	p := newPair(t, 1, "b")
	p.run(11, "")
	err := errors.Join(p.Drain(p.now, 2*Goodbye, "anna", ""), p.Undrain(p.now, "anna", ""))
	if err == nil || !strings.Contains(err.Error(), "between 0s and 1m0s") || !strings.Contains(err.Error(), "neither drained nor held") {
		t.Errorf("the errors are %v", err)
	}
	if err := p.Drain(p.now, Goodbye, "anna", "one"); err != nil {
		t.Fatal(err)
	}
	if err := p.Drain(p.now, Goodbye, "ben", "two"); err == nil || !strings.Contains(err.Error(), "by anna") {
		t.Errorf("a second drain: %v", err)
	}
	if err := p.Withdraw(p.now, false, "ben", "hurry"); err != nil {
		t.Errorf("a withdrawal shortens a drain: %v", err)
	}
}

func TestTiersThatCannotWork(t *testing.T) {
	for want, tier := range map[string]Tier{
		"this edge, is not among":  {Edge: "a", Edges: []string{"b"}},
		"duplicate name":           {Edge: "a", Edges: []string{"a", "b", "b"}},
		"keep: 3 is not between 1": {Edge: "a", Edges: []string{"a", "b"}, Keep: 3},
	} {
		if err := tier.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", tier, err, want)
		}
	}
	for n, keep := range map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 5: 2} {
		tier := Tier{Edge: "a", Edges: slices.Repeat([]string{"a"}, 1)}
		for i := range n - 1 {
			tier.Edges = append(tier.Edges, string(rune('b'+i)))
		}
		if err := tier.Validate(); err != nil || tier.Keep != keep {
			t.Errorf("%d edges keep %d (%v), want %d", n, tier.Keep, err, keep)
		}
	}
}

func TestHandOnWindows(t *testing.T) {
	p := newPair(t, 1, "b", "c")
	if d := p.run(10, ""); !d.HandOn.Equal(p.now.Add(returnWindow - 9*time.Second)) {
		t.Fatalf("b and c came 9 s ago, so the window is open for 2 min from then; it is until %v, now is %v", d.HandOn, p.now)
	}
	if d := p.run(1, ""); !d.HandOn.Equal(p.now.Add(returnWindow)) {
		t.Fatal("this edge came, and no window is open for 2 min")
	}
	if d := p.run(121, ""); !d.HandOn.IsZero() {
		t.Fatal("a window is open, and nothing has happened for 2 min")
	}
	p.states["b"] = Drained
	if d := p.run(1, ""); !d.HandOn.Equal(p.now.Add(drainWindow)) {
		t.Fatal("b has left, and no window is open")
	}
	if d := p.run(1, ""); !d.HandOn.IsZero() {
		t.Fatal("b has no connections any more, and a window is open")
	}
	p.quiet = true
	if d := p.run(3, ""); !d.HandOn.IsZero() {
		t.Fatal("a window is open, and the others have said nothing for 3 s")
	}
	if d := p.run(1, ""); !d.HandOn.Equal(p.now.Add(quietWindow)) {
		t.Fatal("the others are silent, and no window is open")
	}
	if d := p.run(60, ""); !d.HandOn.IsZero() {
		t.Fatal("the others are silent for long, and a window is open")
	}
}
