package replica

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestSet: the other edges know within 100 ms, of taking back, too.
func TestSet(t *testing.T) {
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	ears := make([]ear, len(stores))
	for i, r := range stores {
		defer r.Listen("level", ears[i].hear)()
	}
	subscribedAll(t, stores)
	var took []time.Duration
	for i := range 20 {
		value := []string{fmt.Sprint(i), ""}[i%2]
		began := time.Now()
		setIt(t, stores[i%3], "level:rosen", value, time.Duration(i/2)*time.Hour)
		for j := range ears {
			heard := func() (at time.Time) {
				ears[j].mu.Lock()
				defer ears[j].mu.Unlock()
				return ears[j].at["level:rosen="+value]
			}
			for heard().Before(began) && time.Since(began) < time.Second {
				time.Sleep(100 * time.Microsecond)
			}
			if at := heard(); at.Before(began) {
				t.Errorf("tell %d: edge %d has not heard of it after a second", i, j+1)
			} else if j != i%3 { // the others
				took = append(took, at.Sub(began))
			}
		}
	}
	slices.Sort(took)
	median, most := took[len(took)/2], took[len(took)-1]
	t.Logf("the other edges heard of it: median %s, slowest %s", median, most)
	if median > 100*time.Millisecond {
		t.Errorf("median %s, want at most 100 ms", median)
	}
}

// TestOverEdges: entries expire everywhere, and an edge that starts later
// or again learns those that hold.
func TestOverEdges(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 2, opts)
	setIt(t, stores[0], "level:rosen", "2", 0)
	setIt(t, stores[1], "level:linden", "3", 2*time.Second)
	setIt(t, stores[1], "level:tanne", "4", time.Hour)
	setIt(t, stores[0], "level:tanne", "", 0)
	told := time.Now()
	third := unstarted(t, opts)
	var ear ear
	defer third.Listen("level", ear.hear)()
	third.Start()
	stores = append(stores, third)
	know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2", "level:linden": "3"})
	until := get(third, "level:linden").Until
	if off := until.Sub(told.Add(2 * time.Second)).Abs(); off > 500*time.Millisecond {
		t.Errorf("it ends at %s, %s off", until, off)
	}
	if got := get(third, "level:rosen"); !got.Until.IsZero() || time.Since(got.Told) > 10*time.Second {
		t.Errorf("an entry with an open end is %+v", got)
	}
	know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2"})
	if early := told.Add(1500 * time.Millisecond); time.Now().Before(early) {
		t.Errorf("the entry was over %s early", time.Until(early))
	}
	sample.Within(t, time.Second, "the listener heard of the end", func() bool {
		return strings.HasSuffix(ear.all(), " level:linden=")
	})
	if strings.Contains(ear.all(), "tanne") {
		t.Errorf("heard %q: what was deleted before the start is no news", ear.all())
	}
	sample.Within(t, 5*time.Second, "the store removes what was over at a heartbeat", func() bool {
		setIt(t, stores[0], "level:rosen", "1", 0)
		return server.Do("HEXISTS", mapKey, "level/level:linden") == "0"
	})
}

// TestSetRace: whatever edges set at the same time, all edges end up with the same.
func TestSetRace(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 3, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	subscribedAll(t, stores)
	names := []string{"a", "b", "c"}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			for j := range 20 {
				setIt(t, stores[i%3], names[j%3], []string{fmt.Sprintf("%d/%d", i, j), ""}[j%7/6], time.Hour)
			}
		})
	}
	wg.Wait()
	want := map[string]string{}
	for _, name := range names {
		field := strings.SplitN(server.Do("HGET", mapKey, "level/"+name), " ", 4)
		if field[2] == "m" {
			want[name] = field[3]
		}
	}
	know(t, stores, 5*time.Second, want)
}

// TestStoreFull: the store and the edges refuse the same.
func TestStoreFull(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	var args []any
	for i := range level.Max {
		args = append(args, fmt.Sprintf("entry-%04d", i), "1", "m", 0, 0, openEnd)
	}
	stores[0].raw(t, channel, level.Max, args...)
	for _, r := range stores {
		sample.Within(t, 10*time.Second, "the edges know all", func() bool { return len(r.All("level")) == level.Max })
		if err := set(t.Context(), r.Map, "one-more", "1", 0); !errors.Is(err, ErrRefused) {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	// An edge that knows of none asks the store, which refuses.
	stores[1].mu.Lock()
	k := stores[1].kind("level")
	for _, e := range k.entries {
		stores[1].drop(k, e)
	}
	stores[1].mu.Unlock()
	if err := set(t.Context(), stores[1].Map, "one-more", "1", 0); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want a refusal", err)
	}
	if got := values(stores[1].Map); got["one-more"] != "" {
		t.Error("an edge knows what the store refused")
	}
	if st := stores[1].tier.Status(); !st.Shared {
		t.Errorf("the store is lost: %s", st.Reason)
	}
	setIt(t, stores[0], "entry-0000", "", 0)
	setIt(t, stores[0], "one-more", "1", 0)
}
