package counters

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// tellIt tells a fact that must reach the store.
func tellIt(t testing.TB, r *Redis, name, value string, life time.Duration) {
	t.Helper()
	if err := r.Tell(t.Context(), name, value, life); err != nil {
		t.Error(err)
	}
}

// know waits until every edge knows these facts and no others.
func know(t testing.TB, stores []*Redis, patience time.Duration, want map[string]string) {
	t.Helper()
	for i, r := range stores {
		within(t, patience, fmt.Sprintf("edge %d knows %v; it knows %v", i+1, want, values(r)), func() bool {
			return maps.Equal(values(r), want)
		})
	}
}

// subscribedAll waits until each edge hears what the first one tells.
func subscribedAll(t testing.TB, stores []*Redis) {
	t.Helper()
	within(t, 10*time.Second, "every edge hears and knows all", func() bool {
		tellIt(t, stores[0], "hello", "there", 0)
		time.Sleep(50 * time.Millisecond)
		version, _ := stores[0].standing()
		for _, r := range stores {
			if v, waiting := r.standing(); v != version || v <= 0 || waiting {
				return false
			}
		}
		return true
	})
	tellIt(t, stores[0], "hello", "", 0)
	know(t, stores, 5*time.Second, map[string]string{})
}

// TestTell: the other edges know within 100 ms, of taking back, too.
func TestTell(t *testing.T) {
	server := need.Redis(t)
	stores := edges(t, 3, RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second})
	ears := make([]ear, len(stores))
	for i, r := range stores {
		defer r.Listen(ears[i].hear)()
	}
	subscribedAll(t, stores)
	var took []time.Duration
	for i := range 20 {
		value := []string{fmt.Sprint(i), ""}[i%2]
		began := time.Now()
		tellIt(t, stores[i%3], "level:rosen", value, time.Duration(i/2)*time.Hour)
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

// TestFactsOverEdges: facts expire everywhere, and an edge that starts later
// or again learns those that hold.
func TestFactsOverEdges(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second}
	stores := edges(t, 2, opts)
	tellIt(t, stores[0], "level:rosen", "2", 0)
	tellIt(t, stores[1], "level:linden", "3", 2*time.Second)
	tellIt(t, stores[1], "level:tanne", "4", time.Hour)
	tellIt(t, stores[0], "level:tanne", "", 0)
	told := time.Now()
	third := unstarted(t, opts)
	var ear ear
	defer third.Listen(ear.hear)()
	third.Start()
	stores = append(stores, third)
	know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2", "level:linden": "3"})
	until := third.Facts()["level:linden"].Until
	if off := until.Sub(told.Add(2 * time.Second)).Abs(); off > 500*time.Millisecond {
		t.Errorf("it ends at %s, %s off", until, off)
	}
	if got := third.Facts()["level:rosen"]; !got.Until.IsZero() || time.Since(got.Told) > 10*time.Second {
		t.Errorf("a fact of open end is %+v", got)
	}
	know(t, stores, 5*time.Second, map[string]string{"level:rosen": "2"})
	if early := told.Add(1500 * time.Millisecond); time.Now().Before(early) {
		t.Errorf("the fact was over %s early", time.Until(early))
	}
	within(t, time.Second, "the listener heard of the end", func() bool {
		return strings.HasSuffix(ear.all(), " level:linden=")
	})
	if strings.Contains(ear.all(), "tanne") {
		t.Errorf("heard %q: what was taken back before the start is no news", ear.all())
	}
	tellIt(t, stores[0], "level:rosen", "1", 0)
	if got := server.Do("HEXISTS", factsKey, "level:linden"); got != "0" {
		t.Error("the store keeps what is over")
	}
}

// TestTellRace: whoever tells at the same time, all edges end up with the same.
func TestTellRace(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 3, RedisOptions{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	subscribedAll(t, stores)
	names := []string{"a", "b", "c"}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			for j := range 20 {
				tellIt(t, stores[i%3], names[j%3], []string{fmt.Sprintf("%d/%d", i, j), ""}[j%7/6], time.Hour)
			}
		})
	}
	wg.Wait()
	want := map[string]string{}
	for _, name := range names {
		field := strings.SplitN(server.Do("HGET", factsKey, name), " ", 3)
		if field[2] != "" {
			want[name] = field[2]
		}
	}
	know(t, stores, 5*time.Second, want)
}

// TestStoreFull: the store and the edges refuse the same.
func TestStoreFull(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, RedisOptions{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	args := []any{factsChannel, maxFacts}
	for i := range maxFacts {
		args = append(args, fmt.Sprintf("fact-%04d", i), "1", 0, 0, 0)
	}
	if err := tell.Run(context.Background(), stores[0].client, []string{factsKey}, args...).Err(); err != nil {
		t.Fatal(err)
	}
	for _, r := range stores {
		within(t, 10*time.Second, "the edges know all", func() bool { return len(r.Facts()) == maxFacts })
		if err := r.Tell(t.Context(), "one-more", "1", 0); !errors.Is(err, ErrRefused) {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	// An edge that knows of none asks the store, which refuses.
	stores[1].mu.Lock()
	clear(stores[1].known)
	stores[1].mu.Unlock()
	if err := stores[1].Tell(t.Context(), "one-more", "1", 0); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want a refusal", err)
	}
	if got := values(stores[1]); got["one-more"] != "" {
		t.Error("an edge knows what the store refused")
	}
	if st := stores[1].Status(); !st.Shared {
		t.Errorf("the store is lost: %s", st.Reason)
	}
	tellIt(t, stores[0], "fact-0000", "", 0)
	tellIt(t, stores[0], "one-more", "1", 0)
}
