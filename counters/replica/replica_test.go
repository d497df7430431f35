package replica

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac-edge/theriac/test/sample"
)

// TestEntries walks through what is set in one map. Each step says what is set,
// what a listener has heard afterwards, and what is known.
func TestEntries(t *testing.T) {
	type step struct {
		after       time.Duration
		name, value string // no name: nothing is told
		life        time.Duration
		heard       string
		known       map[string]string
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"until told otherwise", []step{
			{0, "level:rosen", "2", 0, "level:rosen=2", map[string]string{"level:rosen": "2"}},
			{24 * time.Hour, "", "", 0, "level:rosen=2", map[string]string{"level:rosen": "2"}},
			{time.Second, "level:rosen", "3", 0, "level:rosen=2 level:rosen=3", map[string]string{"level:rosen": "3"}},
		}},
		{"for a life", []step{
			{0, "a", "1", time.Minute, "a=1", map[string]string{"a": "1"}},
			{time.Minute - 1, "", "", 0, "a=1", map[string]string{"a": "1"}},
			{1, "", "", 0, "a=1 a=", map[string]string{}},
		}},
		{"a longer life", []step{
			{0, "a", "1", time.Minute, "a=1", map[string]string{"a": "1"}},
			{30 * time.Second, "a", "1", time.Hour, "a=1 a=1", map[string]string{"a": "1"}},
			{59 * time.Minute, "", "", 0, "a=1 a=1", map[string]string{"a": "1"}},
			{time.Minute, "", "", 0, "a=1 a=1 a=", map[string]string{}},
		}},
		{"taken back", []step{
			{0, "a", "1", time.Hour, "a=1", map[string]string{"a": "1"}},
			{time.Second, "a", "", 0, "a=1 a=", map[string]string{}},
			{2 * deletedLife, "a", "", 0, "a=1 a=", map[string]string{}},
			{time.Second, "a", "2", 0, "a=1 a= a=2", map[string]string{"a": "2"}},
		}},
		{"the second of two expires first", []step{
			{0, "a", "1", time.Hour, "a=1", map[string]string{"a": "1"}},
			{0, "b", "any value, with spaces", time.Minute, "a=1 b=any value, with spaces", map[string]string{"a": "1", "b": "any value, with spaces"}},
			{time.Minute, "", "", 0, "a=1 b=any value, with spaces b=", map[string]string{"a": "1"}},
			{time.Hour, "", "", 0, "a=1 b=any value, with spaces b= a=", map[string]string{}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, ear := New(nil, level), &ear{}
				defer m.Listen("level", ear.hear)()
				for i, s := range test.steps {
					time.Sleep(s.after)
					synctest.Wait()
					if s.name != "" {
						if err := set(t.Context(), m, s.name, s.value, s.life); err != nil {
							t.Errorf("step %d: %v", i, err)
						}
					}
					if got := ear.all(); got != s.heard {
						t.Errorf("step %d: heard %q, want %q", i, got, s.heard)
					}
					if got := values(m); !maps.Equal(got, s.known) {
						t.Errorf("step %d: known is %v, want %v", i, got, s.known)
					}
				}
				m.Close()
			})
		})
	}
}

func TestEntriesThatDoNotFit(t *testing.T) {
	m := New(nil, level)
	defer m.Close()
	refused := func(name, value string, life time.Duration, want string) {
		t.Helper()
		err := set(t.Context(), m, name, value, life)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a refusal with %q", err, want)
		}
	}
	refused("", "1", 0, "must not be empty")
	refused("a b", "1", 0, "has no spaces")
	refused(strings.Repeat("n", MaxID+1), "1", 0, "longer than 200 bytes")
	refused("a", strings.Repeat("v", MaxValue+1), 0, "longer than 4096 bytes")
	refused("a", "1", -time.Second, "over 1s ago")
	if got := values(m); len(got) != 0 {
		t.Errorf("refused entries are known: %v", got)
	}
	before := sample.Heap()
	for i := range level.Max {
		name := fmt.Sprintf("%04d", i) + strings.Repeat("n", MaxID-4)
		if err := set(t.Context(), m, name, strings.Repeat("v", 200), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if grown := sample.Heap() - before; grown > 4<<20 {
		t.Errorf("as many entries as can be, of 200 bytes, need %d bytes, want less than 4 MiB", grown)
	}
	refused("one-more", "1", 0, "no room for another")
	if err := set(t.Context(), m, "0000"+strings.Repeat("n", MaxID-4), "", 0); err != nil {
		t.Error(err)
	}
	if err := set(t.Context(), m, "one-more", "1", 0); err != nil {
		t.Errorf("one was taken back, but there is no room: %v", err)
	}
}

func TestListeners(t *testing.T) {
	m := New(nil, level)
	defer m.Close()
	tell := func(name, value string) {
		t.Helper()
		if err := set(t.Context(), m, name, value, 0); err != nil {
			t.Error(err)
		}
	}
	tell("a", "1")
	tell("b", "1")
	tell("b", "")
	var first, second ear
	stop := m.Listen("level", first.hear)
	defer m.Listen("level", func(c Change) {
		second.hear(c)
		if c.ID == "a" && c.Value == "2" { // a listener may set, ask and leave
			tell("c", values(m)["a"])
			stop()
		}
	})()
	tell("a", "2")
	tell("a", "3")
	if got, want := second.all(), "a=1 a=2 c=2 a=3"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	if got := first.all(); strings.Contains(got, "a=3") {
		t.Errorf("a listener that left has heard %q", got)
	}
}

// TestSlowListener: a slow listener misses changes in between, never the last.
func TestSlowListener(t *testing.T) {
	m := New(nil, level)
	defer m.Close()
	var slow ear
	called, goOn := make(chan bool), make(chan bool)
	defer m.Listen("level", func(c Change) {
		called <- true
		<-goOn
		slow.hear(c)
	})()
	var wg sync.WaitGroup
	wg.Go(func() { _ = set(t.Context(), m, "a", "first", 0) })
	<-called
	for i := range 1000 {
		if err := set(t.Context(), m, "a", fmt.Sprint(i), 0); err != nil {
			t.Error(err)
		}
	}
	goOn <- true
	<-called
	goOn <- true
	wg.Wait()
	if got, want := slow.all(), "a=first a=999"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
}
