package incidents

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// pair are two edges that share a store.
func pair(t *testing.T) (one, other *edge, redis *need.RedisServer) {
	t.Helper()
	redis = need.Redis(t)
	one = start(t, "fra-1", shared(t, "fra-1", redis.Addr))
	other = start(t, "fra-2", shared(t, "fra-2", redis.Addr))
	for _, e := range []*edge{one, other} { // a channel carries nothing before it is subscribed to
		var heard atomic.Bool
		stop := e.store.Hear(channel, func(string) { heard.Store(true) })
		sample.Within(t, 10*time.Second, "an edge hears the others", func() bool {
			e.store.Say(channel, "are you there?")
			return heard.Load()
		})
		stop()
	}
	return one, other, redis
}

// both tells both edges the seconds; the first leads.
func both(one, other *edge, token int64, from, to int, attacks ...attack) {
	for second := from; second <= to; second++ {
		one.run(leads(token), second, second, attacks...)
		other.run(follows(token), second, second, attacks...)
	}
}

// undisturbed is what one leader records of the story.
func undisturbed(t *testing.T, attacks ...attack) string {
	t.Helper()
	e := start(t, "fra-1", memory(t))
	e.run(leads(1), 0, 440, attacks...)
	return withoutEdges(t, e.get(floodID))
}

// withoutEdges is a record without the names of the edges that counted.
func withoutEdges(t *testing.T, rec *incident.Record) string {
	t.Helper()
	rec.Edges = nil
	return mustEncode(t, rec)
}

// TestTakeover: a leader dies in the middle, and the next one notices three seconds later. There
// is one incident, which lacks nothing.
func TestTakeover(t *testing.T) {
	t.Parallel()
	want := undisturbed(t, flood)
	for _, dies := range []int{27, 28, 35, 60, 150, 300} {
		one, other, _ := pair(t)
		both(one, other, 1, 0, dies, flood)
		other.run(follows(1), dies+1, dies+2, flood)
		other.run(leads(2), dies+3, 440, flood)
		if list := other.list(); len(list) != 1 {
			t.Fatalf("the leader died in second %d: %d incidents, want 1", dies, len(list))
		}
		if d := cmp.Diff(want, withoutEdges(t, other.get(floodID))); d != "" {
			t.Errorf("the leader died in second %d: %.1000s", dies, d)
		}
		if lines := other.ledger(); len(lines) != 1 || lines[0].Result != incident.Met {
			t.Errorf("the leader died in second %d: ledger %+v", dies, lines)
		}
		for _, kind := range []string{"/opened", "/effective/1", "/over"} {
			if n := strings.Count(one.told()+" "+other.told(), floodID+kind); n != 1 {
				t.Errorf("the leader died in second %d: %s was told %d times by both", dies, kind, n)
			}
		}
	}
}

// TestTakeoverWithoutMemory: an edge that has not seen the last seconds says which ones are missing,
// which is how TestTakeover could fail.
func TestTakeoverWithoutMemory(t *testing.T) {
	t.Parallel()
	one, other, _ := pair(t)
	one.run(leads(1), 0, 60, flood)
	other.run(leads(2), 64, 440, flood)
	rec := other.get(floodID)
	if len(other.list()) != 1 || len(rec.Gaps) != 1 || rec.Gaps[0].Seconds() < 3 || rec.Gaps[0].Why != "another edge took the lead" {
		t.Errorf("gaps %+v, want one of at least three seconds", rec.Gaps)
	}
}

// TestFenced: a leader that does not know yet that another one leads stops as soon as the store
// says so, and spoils nothing.
func TestFenced(t *testing.T) {
	t.Parallel()
	one, other, _ := pair(t)
	both(one, other, 1, 0, 60, flood)
	other.run(leads(2), 61, 70, flood)
	one.run(leads(1), 61, 70, flood) // it was paused, and goes on
	if one.Open() != nil {
		t.Error("an edge goes on to lead though another one does")
	}
	if one.logs.FilterMessageSnippet("another edge leads").Len() != 1 {
		t.Error("the log does not say that another edge leads")
	}
	other.run(leads(2), 71, 440, flood)
	if d := cmp.Diff(undisturbed(t, flood), withoutEdges(t, other.get(floodID))); d != "" {
		t.Errorf("the record is spoiled: %.1000s", d)
	}
	one.run(leads(3), 441, 442, flood) // and may lead again
	if one.Keeper.rec == nil {
		t.Error("an edge that was fenced does not lead again")
	}
}

// TestStoreLost: the store is away in the middle. The leader goes on alone and has everything in it
// again as soon as it is back; what both edges recorded meanwhile is one incident.
func TestStoreLost(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]bool{"the same edge leads afterwards": false, "the other edge leads afterwards": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other, redis := pair(t)
			both(one, other, 1, 0, 60, flood)
			redis.Kill()
			for second := 61; second <= 90; second++ {
				one.run(aloneNow, second, second, flood)
				other.run(aloneNow, second, second, flood)
			}
			back(t, redis, one, other)
			first, second := one, other
			if next {
				first, second = other, one
			}
			both(first, second, 2, 91, 440, flood)
			if list := first.list(); len(list) != 1 {
				t.Fatalf("%d incidents, want 1", len(list))
			}
			if d := cmp.Diff(undisturbed(t, flood), withoutEdges(t, first.get(floodID))); d != "" {
				t.Errorf("the record lacks something: %.1000s", d)
			}
			for _, e := range []*edge{one, other} {
				if lines := e.ledger(); len(lines) != 1 || lines[0].Result != incident.Met {
					t.Errorf("ledger of %s: %+v", e.opts.Node, lines)
				}
			}
		})
	}
}

// TestEndedWhileLost: what ends while the store is lost is kept as the edge that led has recorded it.
func TestEndedWhileLost(t *testing.T) {
	t.Parallel()
	one, other, redis := pair(t)
	both(one, other, 1, 0, 60, flood)
	one.Accepted(floodID, at(60))
	sample.Within(t, 10*time.Second, "the other edge heard that people know", func() bool {
		other.Keeper.mu.Lock()
		defer other.Keeper.mu.Unlock()
		return len(other.known) == 1
	})
	redis.Kill()
	for second := 61; second <= 1100; second++ { // longer than an edge remembers
		one.run(aloneNow, second, second, flood)
		other.run(aloneNow, second, second, flood)
	}
	back(t, redis, one, other)
	both(one, other, 2, 1101, 1110, flood)
	sample.Within(t, 60*time.Second, "the store is told", func() bool { n, _, _ := one.Keeper.store.waiting(); return n == 0 })
	rec := other.get(floodID)
	if len(other.list()) != 1 || rec.Closed.IsZero() || len(rec.Gaps) != 0 || !rec.Closed.Equal(at(420)) {
		t.Errorf("%d incidents, closed %v, gaps %v", len(other.list()), rec.Closed, rec.Gaps)
	}
	if got, want := one.told(), floodID+"/opened "+floodID+"/effective/1 "+floodID+"/over"; got != want {
		t.Errorf("the edge that led told %q, want %q", got, want)
	}
	if got := other.told(); got != "" {
		t.Errorf("the other edge told %q of what people knew", got)
	}
}

// TestStoreEmpty: the store has forgotten everything when it is back. The edge that led goes on.
func TestStoreEmpty(t *testing.T) {
	t.Parallel()
	one, other, redis := pair(t)
	both(one, other, 1, 0, 60, flood)
	redis.RestartEmpty()
	for _, e := range []*edge{one, other} {
		sample.Within(t, 20*time.Second, "the store is back", func() bool { return e.store.Status().Shared })
	}
	both(one, other, 2, 61, 440, flood)
	if d := cmp.Diff(undisturbed(t, flood), withoutEdges(t, other.get(floodID))); d != "" {
		t.Errorf("%.1000s", d)
	}
}

// back restarts the store, with what it had, and waits until both edges share it.
func back(t *testing.T, redis *need.RedisServer, edges ...*edge) {
	t.Helper()
	redis.Restart()
	for _, e := range edges {
		sample.Within(t, 20*time.Second, "the store is back", func() bool { return e.store.Status().Shared })
	}
}

// TestClosedWhileLost: an incident that begins and ends while the store is lost is recorded by each
// edge for itself, in its journal at once, and counts once as soon as the store is back.
func TestClosedWhileLost(t *testing.T) {
	t.Parallel()
	one, other, redis := pair(t)
	both(one, other, 1, 0, 10, flood)
	redis.Kill()
	later := flood // as the other edge sees it, from its share
	later.from, later.heals = 67, 70
	for second := 11; second <= 440; second++ {
		one.run(aloneNow, second, second, flood)
		other.run(aloneNow, second, second, later)
	}
	for _, e := range []*edge{one, other} {
		list, notices := e.List(t.Context(), time.Time{}, "")
		if len(list) != 1 || list[0].Closed.IsZero() || !strings.Contains(strings.Join(notices, " "), "store") {
			t.Errorf("%s lists %+v with notices %q, while the store is lost", e.opts.Node, list, notices)
		}
		if lines := e.ledger(); len(lines) != 1 {
			t.Errorf("%s has %d lines of the ledger while the store is lost", e.opts.Node, len(lines))
		}
	}
	back(t, redis, one, other)
	both(one, other, 2, 441, 445, flood)
	for _, e := range []*edge{one, other} {
		sample.Within(t, 60*time.Second, "the store is told", func() bool { n, _, _ := e.Keeper.store.waiting(); return n == 0 })
	}
	records, err := one.store.KeptSince(t.Context(), kindLedger, at(0), 10)
	if err != nil || len(records) != 1 {
		t.Errorf("the store has %d ledgers, error %v: want one", len(records), err)
	}
	for _, e := range []*edge{one, other} {
		e.settle()
		list := slices.DeleteFunc(e.list(), func(s Summary) bool { return s.Merged != "" })
		if lines := e.ledger(); len(list) != 1 || len(lines) != 1 {
			t.Errorf("%s lists %d incidents and %d lines, want one of each", e.opts.Node, len(list), len(lines))
		}
	}
}

// TestStartIsNotAlone: an edge that has just started does not know the store yet, and neither
// records nor tells.
func TestStartIsNotAlone(t *testing.T) {
	t.Parallel()
	e := start(t, "fra-3", memory(t))
	e.run(aloneNow, 60, 62, flood)
	e.run(follows(1), 63, 70, flood)
	if e.told() != "" || len(e.list()) != 0 {
		t.Errorf("an edge that has just started told %q", e.told())
	}
	e.run(aloneNow, 71, 80, flood)
	if e.told() == "" {
		t.Error("an edge that is alone for long tells nobody")
	}
}

// TestNobodyLeads: a leader whose renewal is late goes on if it leads again, without a gap.
func TestNobodyLeads(t *testing.T) {
	t.Parallel()
	e := start(t, "fra-1", memory(t))
	e.run(leads(1), 0, 60, flood)
	e.run(nobody, 61, 63, flood)
	e.run(leads(1), 64, 440, flood)
	if d := cmp.Diff(undisturbed(t, flood), withoutEdges(t, e.get(floodID))); d != "" {
		t.Errorf("%.1000s", d)
	}
}

// TestHandOver: an edge that ends keeps what is open, and another goes on with it; of one edge alone
// the next process does.
func TestHandOver(t *testing.T) {
	t.Parallel()
	end := func(e *edge) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		e.Close(ctx)
	}
	t.Run("to another edge", func(t *testing.T) {
		one, other, _ := pair(t)
		both(one, other, 1, 0, 62, flood)
		end(one)
		other.run(leads(2), 63, 440, flood)
		if d := cmp.Diff(undisturbed(t, flood), withoutEdges(t, other.get(floodID))); d != "" {
			t.Errorf("%.1000s", d)
		}
	})
	t.Run("to the next process", func(t *testing.T) {
		one := start(t, "fra-1", memory(t))
		one.run(leads(1), 0, 62, flood)
		dir := one.journalDir()
		one.setJournal("") // as of an edge whose configuration is gone
		end(one)
		next := start(t, "fra-1", memory(t))
		next.setJournal(dir)
		next.run(leads(1), 66, 440, flood)
		rec := next.get(floodID)
		if len(next.list()) != 1 || !rec.Shops[0].Vectors[0].Effective.Equal(at(33)) || len(rec.Gaps) != 1 {
			t.Errorf("%d incidents; effective %v, gaps %v", len(next.list()), rec.Shops[0].Vectors[0].Effective, rec.Gaps)
		}
	})
}

// TestActs: what operators do at any edge is in the incident, also if its leader dies right then.
func TestActs(t *testing.T) {
	t.Parallel()
	one, other, _ := pair(t)
	both(one, other, 1, 0, 40, flood)
	other.Acted(audit.Act{At: at(40), Act: "level", What: "3 heavy attack", Shop: "loewen", Who: "alice", Why: "ticket 4711"})
	other.Acted(audit.Act{At: at(40), Act: "level", What: "1 raised", Shop: "sonnen", Who: "alice"})
	one.Acted(audit.Act{At: at(41), Act: "ban", What: "192.0.2.7", Who: "bob"})
	sample.Within(t, 10*time.Second, "both edges heard of it", func() bool {
		for _, e := range []*edge{one, other} {
			e.Keeper.mu.Lock()
			heard := len(e.acts)
			e.Keeper.mu.Unlock()
			if heard != 3 {
				return false
			}
		}
		return true
	})
	both(one, other, 1, 41, 43, flood)
	other.run(leads(2), 44, 440, flood)
	rec := other.get(floodID)
	var got []string
	for _, a := range rec.People {
		got = append(got, a.Who+": "+a.Text)
	}
	slices.Sort(got)
	if d := cmp.Diff([]string{"alice: level 3 heavy attack (ticket 4711)", "bob: ban [address]"}, got); d != "" {
		t.Error(d)
	}
}

// TestLeases: with leases of the store the edge that is left goes on by itself.
func TestLeases(t *testing.T) {
	t.Parallel()
	one, other, _ := pair(t)
	leases := map[*edge]*counters.Lease{one: one.store.Lead("watch"), other: other.store.Lead("watch")}
	role := func(e *edge) counters.Leadership { return leases[e].State() }
	sample.Within(t, 20*time.Second, "one edge leads", func() bool {
		return (role(one).Role == counters.Leading) != (role(other).Role == counters.Leading) && role(one).Role != counters.Alone && role(other).Role != counters.Alone
	})
	leader, next := one, other
	if role(other).Role == counters.Leading {
		leader, next = other, one
	}
	for second := 0; second <= 60; second++ {
		leader.run(role(leader), second, second, flood)
		next.run(role(next), second, second, flood)
	}
	leases[leader].Close()
	sample.Within(t, 20*time.Second, "the other edge leads", func() bool { return role(next).Role == counters.Leading })
	next.run(role(next), 61, 440, flood)
	if list := next.list(); len(list) != 1 || list[0].Closed.IsZero() || list[0].Result != incident.Met {
		t.Errorf("listed %+v, want one that is over", list)
	}
}
