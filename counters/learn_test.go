package counters

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// TestFactsOfALoss: facts outlive a store that dies and comes back empty, and
// what was told meanwhile arrives.
func TestFactsOfALoss(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second})
	subscribedAll(t, stores)
	tellIt(t, stores[0], "kept", "1", 0)
	tellIt(t, stores[0], "ends", "1", time.Second)
	tellIt(t, stores[0], "newer", "old", 0)
	tellIt(t, stores[0], "back", "1", 0)
	know(t, stores, 5*time.Second, map[string]string{"kept": "1", "ends": "1", "newer": "old", "back": "1"})
	server.Kill()
	for _, r := range stores {
		within(t, 5*time.Second, "the store is lost", func() bool { return !r.Status().Shared })
	}
	apart := func(r *Redis, name, value string, life time.Duration) {
		t.Helper()
		if err := r.Tell(t.Context(), name, value, life); err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("telling without a store: got %v, want another error", err)
		}
	}
	apart(stores[0], "newer", "first", 0)
	time.Sleep(50 * time.Millisecond)
	apart(stores[1], "newer", "second", 0)
	apart(stores[1], "later", "1", time.Hour)
	apart(stores[1], "back", "", 0)
	apart(stores[0], "ends", "0", 100*time.Millisecond)
	within(t, 5*time.Second, "facts end without a store", func() bool {
		_, a := stores[0].Facts()["ends"]
		_, b := stores[1].Facts()["ends"]
		return !a && !b
	})
	if got, want := values(stores[0]), map[string]string{"kept": "1", "newer": "first", "back": "1"}; !maps.Equal(got, want) {
		t.Errorf("the first edge knows %v, want %v", got, want)
	}
	want := map[string]string{"kept": "1", "newer": "second", "later": "1"}
	if got := values(stores[1]); !maps.Equal(got, want) {
		t.Errorf("the second edge knows %v, want %v", got, want)
	}
	server.RestartEmpty()
	know(t, stores, 10*time.Second, want)
	server.RestartEmpty() // so soon that nobody needs to notice
	within(t, 10*time.Second, "the store is told again", func() bool {
		return server.Do("HEXISTS", factsKey, "kept") == "1" && server.Do("HEXISTS", factsKey, "later") == "1"
	})
	know(t, stores, 10*time.Second, want)
	stranger := edges(t, 1, RedisOptions{Addresses: []string{need.Redis(t).Addr}, Deadline: time.Second})
	know(t, stranger, time.Second, map[string]string{}) // control: another store
}

// TestTakenBackWhileAway: an edge that was away does not bring back what was
// taken back, even if the store no longer knows that there was such a thing.
func TestTakenBackWhileAway(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second}
	stores := edges(t, 2, opts)
	tellIt(t, stores[0], "back", "1", 0)
	know(t, stores, 5*time.Second, map[string]string{"back": "1"})
	away := unstarted(t, opts) // it shall know what the others knew
	stores[1].mu.Lock()
	maps.Copy(away.known, stores[1].known)
	stores[1].mu.Unlock()
	time.Sleep(5 * time.Millisecond)
	tellIt(t, stores[0], "back", "", 0)
	server.Do("EVAL", tellLua, "1", factsKey, factsChannel, "0", "no-room", "1", "0", "0", "0")
	if got := server.Do("HEXISTS", factsKey, "back"); got != "0" {
		t.Error("the store still remembers: this proves nothing")
	}
	for _, r := range stores { // nor is there anybody left who knows
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	away.Start()
	know(t, []*Redis{away}, 5*time.Second, map[string]string{})
	if got := server.Do("HEXISTS", factsKey, "back"); got != "0" {
		t.Error("it was brought back")
	}
}

// TestLostNews: what was published and not heard comes with a heartbeat.
func TestLostNews(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, RedisOptions{Addresses: []string{server.Addr}, Deadline: time.Second})
	subscribedAll(t, stores)
	listeners := server.Do("CLIENT", "LIST", "TYPE", "pubsub")
	id, _, _ := strings.Cut(listeners, " ")
	// A fact that is published where nobody listens.
	server.Do("EVAL", tellLua, "1", factsKey, "theriac:elsewhere", "4096", "unheard", "1", "0", "0", "0")
	know(t, stores, 5*time.Second, map[string]string{"unheard": "1"})
	within(t, 5*time.Second, "the edges listen anew", func() bool {
		now := server.Do("CLIENT", "LIST", "TYPE", "pubsub")
		return strings.Count(now, "id=") == 2 && !strings.Contains(now, id+" ")
	})
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	server.Do("EVAL", tellLua, "1", factsKey, factsChannel, "4096", "unheard", "2", "0", "0", "0")
	know(t, stores, 5*time.Second, map[string]string{"unheard": "2"})
	before := total(stores)
	time.Sleep(3 * time.Second)
	if sent := total(stores) - before; sent > 8 {
		t.Errorf("%d commands in three quiet seconds, want the two edges' heartbeats", sent)
	}
}

// TestNewestStands walks through what one edge tells, hears and is answered.
func TestNewestStands(t *testing.T) {
	now := time.Now()
	news := func(version, stamp int, value string) string {
		return fmt.Sprintf("%d %d 0 0 a %s", version, stamp, value)
	}
	tell := func(f *facts, value string) {
		if _, err := f.note("a", value, 0, now, 0); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(f *facts, text string) {
		if err := f.answered(told{"a", f.known["a"]}, text, now); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		do   func(f *facts)
		want string
	}{
		{"older news come late", func(f *facts) { f.heard(news(8, 20, "new"), now); f.heard(news(7, 10, "old"), now) }, "new"},
		{"older news come after it was taken back", func(f *facts) { f.heard("8 20 0 600000 a ", now); f.heard(news(7, 10, "old"), now) }, ""},
		{"until the store has answered, what was told here", func(f *facts) { tell(f, "mine"); f.heard(news(7, 10, "theirs"), now) }, "mine"},
		{"theirs was told before", func(f *facts) { tell(f, "mine"); f.heard(news(7, 10, "theirs"), now); answer(f, news(8, 11, "mine")) }, "mine"},
		{"theirs was told after, and heard before the answer", func(f *facts) { tell(f, "mine"); f.heard(news(8, 11, "theirs"), now); answer(f, news(7, 10, "mine")) }, "theirs"},
		{"theirs was there already", func(f *facts) { tell(f, "mine"); answer(f, news(0, 10, "theirs")) }, "theirs"},
		{"an echo", func(f *facts) { tell(f, "mine"); answer(f, news(8, 10, "mine")); f.heard(news(8, 10, "mine"), now) }, "mine"},
		{"the store has older", func(f *facts) {
			f.heard(news(8, 20, "new"), now)
			f.compare(shelf{facts: []entry{{name: "a", value: "old", stamp: 10}}}, now)
		}, "new"},
		{"the store has newer", func(f *facts) {
			f.heard(news(8, 20, "old"), now)
			f.compare(shelf{facts: []entry{{name: "a", value: "new", stamp: 30}}}, now)
		}, "new"},
		{"the store has forgotten", func(f *facts) { f.heard(news(8, 20, "kept"), now); f.compare(shelf{floor: 19}, now) }, "kept"},
		{"the store has swept it out", func(f *facts) { f.heard(news(8, 20, "swept"), now); f.compare(shelf{floor: 20}, now) }, ""},
		{"the store has newer, but that is over", func(f *facts) {
			f.heard(news(8, 20, "old"), now)
			f.compare(shelf{facts: []entry{{name: "a", value: "new", stamp: 30, left: -1}}}, now)
		}, ""},
		{"not told yet, and swept out before", func(f *facts) { tell(f, "mine"); f.compare(shelf{floor: 20}, now) }, "mine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFacts()
			defer f.close()
			test.do(f)
			if got := f.Facts()["a"].Value; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
