package replica

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestPriorities walks through what programs and operators set.
func TestPriorities(t *testing.T) {
	longest := Kind{Name: "longest", Max: 9, Rank: Longest}
	type step struct {
		value string // "" deletes
		p     Priority
		ttl   time.Duration
		want  string // what then stands
	}
	for _, test := range []struct {
		name, kind string
		steps      []step
	}{
		{"of two programs the latest", "level", []step{{"1", Automatic, time.Hour, "1"}, {"2", Automatic, time.Minute, "2"}, {"", Automatic, 0, ""}, {"3", Automatic, 0, "3"}}},
		{"of two programs the one that ends later", "longest", []step{{"1", Automatic, time.Hour, "1"}, {"2", Automatic, time.Minute, "1"}, {"3", Automatic, 2 * time.Hour, "3"}}},
		{"an operator outranks a program", "level", []step{{"1", Automatic, time.Hour, "1"}, {"2", Manual, time.Minute, "2"}, {"3", Automatic, 2 * time.Hour, "2"}, {"4", Manual, time.Second, "4"}}},
		{"and where the longer one counts", "longest", []step{{"1", Automatic, time.Hour, "1"}, {"2", Manual, time.Minute, "2"}, {"3", Automatic, 2 * time.Hour, "2"}}},
		{"a program deletes nothing that an operator set", "level", []step{{"1", Manual, 0, "1"}, {"", Automatic, 0, "1"}, {"", Manual, 0, ""}, {"2", Automatic, 0, "2"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := New(nil, level, longest)
				defer m.Close()
				for i, s := range test.steps {
					var err error
					if s.value == "" {
						err = m.Delete(t.Context(), test.kind, "a", s.p)
					} else {
						err = m.Set(t.Context(), test.kind, "a", s.value, s.ttl, s.p)
					}
					got, _ := m.Get(test.kind, "a")
					if got.Value != s.want {
						t.Errorf("step %d: %q stands, want %q", i, got.Value, s.want)
					}
					if outranked := errors.Is(err, ErrOutranked); outranked != (s.want != s.value) || !outranked && err != nil {
						t.Errorf("step %d: %v", i, err)
					}
				}
			})
		})
	}
}

// TestRoom: what is automatic and ends first gives way, what is manual never does.
func TestRoom(t *testing.T) {
	m := New(nil, Kind{Name: "small", Max: 3})
	defer m.Close()
	set := func(id string, p Priority, ttl time.Duration, want error) {
		t.Helper()
		if err := m.Set(t.Context(), "small", id, "1", ttl, p); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", id, err, want)
		}
	}
	set("a", Manual, time.Second, nil)
	set("b", Automatic, time.Hour, nil)
	set("c", Automatic, time.Minute, nil)
	set("d", Automatic, 2*time.Hour, nil)
	if _, ok := m.Get("small", "c"); ok {
		t.Error("the one that ends first stays")
	}
	set("e", Manual, time.Hour, nil)
	set("f", Manual, time.Hour, nil)
	set("g", Manual, time.Hour, ErrFull)
	set("g", Automatic, time.Hour, ErrFull)
	if n, _ := m.Count("small"); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

// TestLargeValues: as many values of 4 KiB as there can be reach an edge that starts
// later, in several commands and pages.
func TestLargeValues(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	large := Kind{Name: "large", Max: 300}
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 1, opts, large)
	value := func(i int) string { return fmt.Sprintf("%04d", i) + strings.Repeat("v\n\x00 ", (MaxValue-4)/4) }
	for i := range large.Max {
		if err := stores[0].Request("large", Request{Entry: Entry{ID: fmt.Sprint(i), Value: value(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	stores = append(stores, unstarted(t, opts, large))
	stores[1].Start()
	for i, e := range stores {
		sample.Within(t, 10*time.Second, fmt.Sprintf("edge %d has all", i+1), func() bool { return len(e.All("large")) == large.Max })
		for j := range large.Max {
			if got, _ := e.Get("large", fmt.Sprint(j)); got.Value != value(j) {
				t.Fatalf("edge %d has another value %d, of %d bytes", i+1, j, len(got.Value))
			}
		}
	}
}

// TestOtherRelease: an edge that does not know a kind keeps up with the others, and
// takes nothing from them.
func TestOtherRelease(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	posture := Kind{Name: "posture", Max: 9}
	stores := append(edges(t, 1, opts, posture), unstarted(t, opts))
	stores[1].Start()
	subscribedAll(t, stores)
	if err := stores[0].Set(t.Context(), "posture", "fra", "calm", 0, Manual); err != nil {
		t.Fatal(err)
	}
	setIt(t, stores[0], "rosen", "2", 0)
	know(t, stores, 5*time.Second, map[string]string{"rosen": "2"})
	sample.Within(t, 5*time.Second, "both have everything", func() bool {
		a, _ := stores[0].standing()
		b, pending := stores[1].standing()
		return a == b && a > 0 && !pending
	})
	before := total(stores)
	time.Sleep(3 * time.Second)
	if sent := total(stores) - before; sent > 8 {
		t.Errorf("%d commands in three quiet seconds, want the two edges' heartbeats", sent)
	}
	server.RestartEmpty()
	sample.Within(t, 10*time.Second, "the store is told again", func() bool {
		return server.Do("HEXISTS", mapKey, "posture/fra") == "1" && server.Do("HEXISTS", mapKey, "level/rosen") == "1"
	})
}

// TestUntoldShorter: an entry that replaced a longer one while the store was lost,
// and is over before it is back, is not followed by the longer one.
func TestUntoldShorter(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 300 * time.Millisecond})
	subscribedAll(t, stores)
	setIt(t, stores[0], "rosen", "2", 0)
	know(t, stores, 5*time.Second, map[string]string{"rosen": "2"})
	server.Stop()
	lostAll(t, stores)
	_ = set(t.Context(), stores[0].Map, "rosen", "3", 50*time.Millisecond)
	know(t, stores[:1], 5*time.Second, map[string]string{})
	server.Cont()
	know(t, stores, 10*time.Second, map[string]string{})
}
