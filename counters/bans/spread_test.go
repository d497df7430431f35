package bans

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// banIt asks for a ban.
func banIt(t testing.TB, r *edge, name string, cause ban.Cause, life time.Duration) {
	t.Helper()
	if err := r.Ban(request(name, cause, life)); err != nil {
		t.Error(err)
	}
}

// list waits until every edge's list is this, as banned writes it but without
// the ends.
func list(t testing.TB, stores []*edge, patience time.Duration, want string) {
	t.Helper()
	for i, r := range stores {
		sample.Within(t, patience, fmt.Sprintf("edge %d has %q; it has %q", i+1, want, listOf(r)), func() bool { return listOf(r) == want })
	}
}

func listOf(s store) string {
	var all []string
	for _, b := range s.Bans() {
		all = append(all, nameOf(b.Key, b.Shop)+"="+b.Cause.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestBanSpread: all edges know within 100 ms, of liftings, too.
func TestBanSpread(t *testing.T) {
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	ears := make([]banEar, len(stores))
	for i, r := range stores {
		defer r.ListenBans(ears[i].hear)()
	}
	caughtUp(t, stores)
	var took []time.Duration
	for i := range 40 {
		key := sample.Key([]string{"a", "b", "c"}[i/2%3])
		began := time.Now()
		if i%2 == 0 {
			if err := stores[i%3].Ban(requestFor(key, ban.ByLimit, time.Hour)); err != nil {
				t.Fatal(err)
			}
		} else {
			stores[i%3].Unban(key, sample.Key("client"))
		}
		for j := range ears {
			heard := func() (at time.Time) {
				ears[j].mu.Lock()
				defer ears[j].mu.Unlock()
				if n := ears[j].last; n.Key != key || n.Over() != (i%2 == 1) || n.Over() && n.Client != sample.Key("client") {
					return time.Time{}
				}
				return ears[j].at
			}
			for heard().Before(began) && time.Since(began) < time.Second {
				time.Sleep(100 * time.Microsecond)
			}
			at := heard()
			if at.Before(began) {
				t.Fatalf("change %d: edge %d has not heard of it after a second", i, j+1)
			}
			if _, holds := stores[j].Banned(key, "rosen", at); holds != (i%2 == 0) {
				t.Errorf("change %d: edge %d was told, but the ban holds is %t", i, j+1, holds)
			}
			took = append(took, at.Sub(began))
		}
	}
	slices.Sort(took)
	median, most := took[len(took)/2], took[len(took)-1]
	t.Logf("the edges heard of it: median %s, slowest %s", median, most)
	if median > 100*time.Millisecond {
		t.Errorf("median %s, want at most 100 ms", median)
	}
}

// TestBanSteps walks through the steps of TestBans, each at another edge. All
// edges come to have the list that one store in memory has.
func TestBanSteps(t *testing.T) {
	t.Parallel()
	for _, test := range banSteps {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := need.Redis(t)
			stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
			caughtUp(t, stores)
			start, planned := time.Now(), time.Duration(0)
			for i, s := range test.steps {
				time.Sleep(s.after)
				planned += s.after
				if err := s.do(stores[i%2]); err != nil {
					t.Errorf("step %d: %v", i, err)
				}
				for j, r := range stores {
					sample.Within(t, 900*time.Millisecond, fmt.Sprintf("step %d: edge %d has %q; it has %q", i, j+1, s.want, banned(r)), func() bool {
						return fits(banned(r), s.want, time.Since(start)-planned)
					})
				}
				time.Sleep(20 * time.Millisecond) // for what must change nothing
			}
		})
	}
}

// fits reports whether bans, as banned writes them, are those that are wanted, by a
// clock that is late: each may end so much earlier, or have ended.
func fits(got, want string, late time.Duration) bool {
	seconds := func(list string) map[string]int {
		all := map[string]int{}
		for one := range strings.FieldsSeq(list) {
			name, left, _ := strings.Cut(one, ":")
			all[name], _ = strconv.Atoi(left)
		}
		return all
	}
	is, slack := seconds(got), int(late.Round(time.Second).Seconds())
	for name, left := range seconds(want) {
		if is[name] > left || is[name] < left-slack {
			return false
		}
		delete(is, name)
	}
	return len(is) == 0
}

// TestLateEdge: an edge that starts learns what holds, and nothing else; bans
// end at all edges at the same time.
func TestLateEdge(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 2, opts)
	caughtUp(t, stores)
	made := time.Now()
	banIt(t, stores[0], "a@rosen", ban.ByWAF, 10*time.Second)
	banIt(t, stores[0], "b", ban.Manual, time.Hour)
	banIt(t, stores[1], "c", ban.ByLimit, time.Hour)
	list(t, stores, 5*time.Second, "a@rosen=waf b=manual c=limit")
	stores[0].Unban(sample.Key("c"), sample.Key("client of c"))
	list(t, stores, 5*time.Second, "a@rosen=waf b=manual")
	third, ear := unstarted(t, opts), &banEar{}
	defer third.ListenBans(ear.hear)()
	third.Start()
	stores = append(stores, third)
	list(t, stores, 3*time.Second, "a@rosen=waf b=manual")
	b, _ := third.Banned(sample.Key("a"), "rosen", time.Now())
	if off := b.Until.Sub(made.Add(10 * time.Second)).Abs(); off > 500*time.Millisecond || b.Rule != "client" {
		t.Errorf("the late edge has %+v, %s off", b, off)
	}
	list(t, stores, 12*time.Second, "b=manual")
	if early := made.Add(9900 * time.Millisecond); time.Now().Before(early) {
		t.Errorf("the ban was over %s early", time.Until(early))
	}
	sample.Within(t, time.Second, "the listener hears of the end", func() bool { return strings.HasSuffix(ear.all(), "-a@rosen=waf") })
	if got := ear.all(); strings.Contains(got, "+c") {
		t.Errorf("heard %q: what was lifted before the start is no ban", got)
	}
}

// TestGuardAtOtherEdges: customers at one edge keep another from banning; where
// none were the same ban is made.
func TestGuardAtOtherEdges(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stores)
	net := sample.Key("net of a")
	before := total(stores)
	for range 1000 {
		stores[0].Protect(net, time.Now())
	}
	sample.Within(t, 5*time.Second, "the store knows", func() bool { return server.Do("ZSCORE", protectedKey, keyText(&net)) != "" })
	if sent := total(stores) - before; sent > 4 {
		t.Errorf("a thousand requests of a customer cost %d commands", sent)
	}
	if stores[1].Protected(net, time.Now()) {
		t.Error("the other edge knows already: this proves nothing")
	}
	var ears [2]banEar
	for i, r := range stores {
		defer r.ListenBans(ears[i].hear)()
	}
	banIt(t, stores[1], "a", ban.ByLimit, time.Hour)
	banIt(t, stores[1], "b", ban.ByLimit, time.Hour) // control: no customers came
	list(t, stores, 5*time.Second, "b=limit")
	sample.Within(t, 5*time.Second, "the edge that asked hears of the refusal", func() bool {
		return ears[1].refusals() == "a: "+ErrProtected.Error()
	})
	if got := ears[0].refusals(); got != "" {
		t.Errorf("the other edge hears %q: it did not ask", got)
	}
	sample.Within(t, 5*time.Second, "it is counted", func() bool { return stores[1].Status().Refused == Counts{Protected: 1} })
	before = total(stores)
	for range 1000 {
		if err := stores[1].Ban(request("a", ban.ByLimit, time.Hour)); !errors.Is(err, ErrProtected) {
			t.Fatalf("what the store said once is known here, but got %v", err)
		}
	}
	if sent := total(stores) - before; sent > 4 {
		t.Errorf("a thousand bans that are refused here cost %d commands", sent)
	}
	banIt(t, stores[1], "a", ban.Manual, time.Hour)
	list(t, stores, 5*time.Second, "a=manual b=limit")
}

// TestCapOverEdges: all edges together make as many bans as a shop may.
func TestCapOverEdges(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	caughtUp(t, stores)
	if left := 60 - time.Now().Second(); left < 10 {
		time.Sleep(time.Duration(left) * time.Second)
	}
	var wg sync.WaitGroup
	for i, key := range sample.Keys(300) {
		wg.Go(func() {
			q := requestFor(key, ban.ByLimit, time.Hour)
			q.PerMinute = 100
			_ = stores[i%3].Ban(q)
		})
	}
	wg.Wait()
	for _, r := range stores {
		sample.Within(t, 5*time.Second, "every edge has 100 bans", func() bool { return len(r.Bans()) == 100 })
	}
	sample.Within(t, 5*time.Second, "200 are refused", func() bool {
		refused := int64(0)
		for _, r := range stores {
			refused += r.Status().Refused.Capped
		}
		return refused == 200
	})
	for _, r := range stores {
		if got := r.Status().Bans; got != 100 {
			t.Errorf("%d bans, want 100", got)
		}
	}
	q := requestFor(sample.Key("another"), ban.ByLimit, time.Hour)
	q.At, q.PerMinute = "linden", 100
	if err := stores[0].Ban(q); err != nil {
		t.Error(err)
	}
	sample.Within(t, 5*time.Second, "another shop goes on", func() bool { return len(stores[2].Bans()) == 101 })
}

// TestManyBans: ten thousand bans at once are known everywhere soon, an edge
// that starts then learns them all, and the work leaves nothing behind.
func TestManyBans(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 3, opts)
	caughtUp(t, stores)
	before, began := runtime.NumGoroutine(), time.Now()
	slowest := time.Duration(0)
	for i, key := range sample.Keys(10_000) {
		asked := time.Now()
		if err := stores[i%3].Ban(requestFor(key, ban.ByLimit, time.Hour)); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(asked))
	}
	t.Logf("10,000 bans were asked for in %s, the slowest in %s", time.Since(began), slowest)
	for _, r := range stores {
		sample.Within(t, 10*time.Second, "every edge has all", func() bool { return r.Status().Bans == 10_000 })
	}
	t.Logf("every edge had them after %s", time.Since(began))
	if after := runtime.NumGoroutine(); after > before+50 { // other tests run, too
		t.Errorf("%d goroutines, before there were %d", after, before)
	}
	late := unstarted(t, opts)
	began = time.Now()
	late.Start()
	sample.Within(t, 10*time.Second, "a late edge has all", func() bool { return late.Status().Bans == 10_000 })
	t.Logf("a late edge had them after %s", time.Since(began))
	for id := range strings.FieldsSeq(server.Do("HKEYS", mapKey)) {
		id, ban := strings.CutPrefix(id, "ban/")
		if key, at, ok := strings.Cut(id, ":"); ban && ok && (len(key) != keyLetters || at != "") {
			t.Fatalf("the store has %q", id)
		}
	}
}
