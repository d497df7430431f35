package replica

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestLoss: entries outlive a store that dies and comes back empty, and what was
// set meanwhile arrives.
func TestLoss(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	subscribedAll(t, stores)
	setIt(t, stores[0], "kept", "1", 0)
	setIt(t, stores[0], "ends", "1", 5*time.Second)
	setIt(t, stores[0], "newer", "old", 0)
	setIt(t, stores[0], "back", "1", 0)
	know(t, stores, 5*time.Second, map[string]string{"kept": "1", "ends": "1", "newer": "old", "back": "1"})
	server.Kill()
	for _, r := range stores {
		sample.Within(t, 5*time.Second, "the store is lost", func() bool { return !r.tier.Status().Shared })
	}
	apart := func(r *edge, name, value string, life time.Duration) {
		t.Helper()
		if err := set(t.Context(), r.Map, name, value, life); err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("setting without a store: got %v, want another error", err)
		}
	}
	apart(stores[0], "newer", "first", 0)
	time.Sleep(50 * time.Millisecond)
	apart(stores[1], "newer", "second", 0)
	apart(stores[1], "later", "1", time.Hour)
	apart(stores[1], "back", "", 0)
	apart(stores[0], "ends", "0", 100*time.Millisecond)
	sample.Within(t, 10*time.Second, "entries end without a store", func() bool {
		_, a := stores[0].Get("level", "ends")
		_, b := stores[1].Get("level", "ends")
		return !a && !b
	})
	if got, want := values(stores[0].Map), map[string]string{"kept": "1", "newer": "first", "back": "1"}; !maps.Equal(got, want) {
		t.Errorf("the first edge knows %v, want %v", got, want)
	}
	want := map[string]string{"kept": "1", "newer": "second", "later": "1"}
	if got := values(stores[1].Map); !maps.Equal(got, want) {
		t.Errorf("the second edge knows %v, want %v", got, want)
	}
	server.RestartEmpty()
	know(t, stores, 10*time.Second, want)
	server.RestartEmpty() // so soon that no edge needs to notice
	sample.Within(t, 10*time.Second, "the store is told again", func() bool {
		return server.Do("HEXISTS", mapKey, "level/kept") == "1" && server.Do("HEXISTS", mapKey, "level/later") == "1"
	})
	know(t, stores, 10*time.Second, want)
	stranger := edges(t, 1, tier.Options{Addresses: []string{need.Redis(t).Addr}, Deadline: 5 * time.Second})
	know(t, stranger, time.Second, map[string]string{}) // control: another store
}

// TestDeletedWhileAway: an edge that was away does not bring back what was deleted,
// even if the store no longer knows that there was such a thing.
func TestDeletedWhileAway(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	opts := tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second}
	stores := edges(t, 2, opts)
	setIt(t, stores[0], "back", "1", 0)
	know(t, stores, 5*time.Second, map[string]string{"back": "1"})
	away := unstarted(t, opts) // it shall know what the others knew
	away.copyOf(stores[1])
	time.Sleep(5 * time.Millisecond)
	setIt(t, stores[0], "back", "", 0)
	stores[0].raw(t, channel, 1, "no-room", "1", "m", 0, 0, 1)
	if got := server.Do("HEXISTS", mapKey, "level/back"); got != "0" {
		t.Error("the store still remembers: this proves nothing")
	}
	for _, r := range stores { // nor is there any edge left that knows
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	away.Start()
	know(t, []*edge{away}, 5*time.Second, map[string]string{})
	if got := server.Do("HEXISTS", mapKey, "level/back"); got != "0" {
		t.Error("it was brought back")
	}
}

// TestLostNews: what was published and not heard comes with a heartbeat.
func TestLostNews(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	stores := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 5 * time.Second})
	subscribedAll(t, stores)
	listeners := server.Do("CLIENT", "LIST", "TYPE", "pubsub")
	id, _, _ := strings.Cut(listeners, " ")
	// An entry that is published where no edge listens.
	stores[0].raw(t, "theriac:elsewhere", 4096, "unheard", "1", "m", 0, 0, openEnd)
	know(t, stores, 5*time.Second, map[string]string{"unheard": "1"})
	sample.Within(t, 5*time.Second, "the edges subscribe again", func() bool {
		now := server.Do("CLIENT", "LIST", "TYPE", "pubsub")
		return strings.Count(now, "id=") == 2 && !strings.Contains(now, id+" ")
	})
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	stores[0].raw(t, channel, 4096, "unheard", "2", "m", 0, 0, openEnd)
	know(t, stores, 5*time.Second, map[string]string{"unheard": "2"})
	before := total(stores)
	time.Sleep(3 * time.Second)
	if sent := total(stores) - before; sent > 8 {
		t.Errorf("%d commands in three quiet seconds, want the two edges' heartbeats", sent)
	}
}

// TestNewestStands walks through what one edge sets, hears and is answered.
func TestNewestStands(t *testing.T) {
	line := func(version, stamp, age, left int, letter, value string) string {
		return fmt.Sprintf("%d %d %d %d %s level/a %s", version, stamp, age, left, letter, value)
	}
	news := func(version, stamp int, value string) string {
		return line(version, stamp, 0, int(openEnd), "m", value)
	}
	for _, test := range []struct {
		name string
		do   func(e *edge)
		want string
		told int // how many entries the store is then told of
	}{
		{"older news come late", func(e *edge) { e.receive(news(8, 20, "new")); e.receive(news(7, 10, "old")) }, "new", 0},
		{"older news come after it was deleted", func(e *edge) { e.receive(line(8, 20, 0, 600000, "M", "")); e.receive(news(7, 10, "old")) }, "", 0},
		{"until the store has answered, what was set here", func(e *edge) { e.alone("mine"); e.receive(line(7, 10, 5000, 5000, "m", "theirs")) }, "mine", 1},
		{"theirs was set before", func(e *edge) {
			mine := e.alone("mine")
			e.receive(line(7, 10, 5000, 5000, "m", "theirs"))
			e.answer(mine, news(8, 11, "mine"))
		}, "mine", 0},
		{"theirs was set after, and heard before the answer", func(e *edge) {
			mine := e.alone("mine")
			time.Sleep(2 * time.Millisecond)
			e.receive(news(8, 11, "theirs"))
			e.answer(mine, news(7, 10, "mine"))
		}, "theirs", 0},
		{"theirs was set after, though it does not look so here", func(e *edge) {
			mine := e.alone("mine")
			e.receive(line(8, 11, 5000, 5000, "m", "theirs"))
			e.answer(mine, news(7, 10, "mine"))
		}, "theirs", 0},
		{"theirs was there already", func(e *edge) { e.answer(e.alone("mine"), news(7, 10, "theirs")) }, "theirs", 0},
		{"an echo", func(e *edge) { e.answer(e.alone("mine"), news(8, 10, "mine")); e.receive(news(8, 10, "mine")) }, "mine", 0},
		{"an echo comes before the answer", func(e *edge) {
			mine := e.alone("mine")
			e.receive(news(8, 10, "mine"))
			e.answer(mine, news(8, 10, "mine"))
		}, "mine", 0},
		{"the store has older", func(e *edge) { e.receive(news(8, 20, "new")); e.readAll(page{version: 8}, news(5, 10, "old")) }, "new", 0},
		{"the store has newer", func(e *edge) { e.receive(news(8, 20, "old")); e.readAll(page{version: 9}, news(9, 30, "new")) }, "new", 0},
		{"the store went back", func(e *edge) { e.receive(news(8, 20, "new")); e.readAll(page{version: 6}, news(5, 10, "old")) }, "new", 1},
		{"the store has forgotten", func(e *edge) { e.receive(news(8, 20, "kept")); e.readAll(page{version: 9, floor: 7}) }, "kept", 1},
		{"the store has removed it", func(e *edge) { e.receive(news(8, 20, "removed")); e.readAll(page{version: 9, floor: 8}) }, "", 0},
		{"the store was emptied, and has removed others since", func(e *edge) {
			e.receive(news(8, 20, "kept"))
			e.readAll(page{version: 30, began: 20, floor: 25})
		}, "kept", 1},
		{"the store has newer, but that is over", func(e *edge) {
			e.receive(news(8, 20, "old"))
			e.readAll(page{version: 9}, line(9, 30, 5000, 0, "m", "new"))
		}, "", 0},
		{"not told yet, and others were removed before", func(e *edge) { e.alone("mine"); e.readAll(page{version: 30, floor: 20}) }, "mine", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := unstarted(t, tier.Options{Addresses: []string{"127.0.0.1:1"}})
			test.do(e)
			if got := get(e, "a").Value; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := len(e.missing(e.whole, &e.last)[e.kind("level")]); got != test.told {
				t.Errorf("the store is told of %d entries, want %d", got, test.told)
			}
		})
	}
}

// alone sets the entry "a" while the store is lost.
func (e *edge) alone(value string) *entry {
	_ = set(context.Background(), e.Map, "a", value, 0)
	return e.kind("level").entries["a"]
}

// answer has the store answer what was set alone.
func (e *edge) answer(mine *entry, line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.answered(e.kind("level"), mine, line)
}

// readAll has the edge read the whole map.
func (e *edge) readAll(p page, lines ...string) {
	p.upTo, p.lines = p.version, lines
	e.mu.Lock()
	e.version = unknown
	e.mu.Unlock()
	e.whole, _, _, _ = e.begin()
	e.mergeAll(p.lines)
	e.last = p
	e.missing(e.whole, &p)
}
