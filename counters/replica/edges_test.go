package replica

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

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestMain has the machine to itself: much is measured in real time.
func TestMain(m *testing.M) {
	need.Alone()
	sample.Main(m)
}

// level is the kind that most tests use.
var level = Kind{Name: "level", Max: 4096}

// edge is the map of one edge, and its connection.
type edge struct {
	*Map
	tier *tier.Tier

	whole bool // the last reading was of the whole map
	last  page // and ended with that
}

func (e *edge) Start() {
	e.Map.Start()
	e.tier.Start()
}

func (e *edge) Close() error {
	e.Map.Close()
	return e.tier.Close()
}

// unstarted makes an edge that is closed with the test.
func unstarted(t testing.TB, opts tier.Options, kinds ...Kind) *edge {
	t.Helper()
	connection, err := tier.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	e := &edge{Map: New(connection, append(kinds, level)...), tier: connection}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing %s: %v", opts.Node, err)
		}
	})
	return e
}

// edges starts n edges that share the store of opts, and waits until each of
// them knows of all.
func edges(t testing.TB, n int, opts tier.Options, kinds ...Kind) []*edge {
	t.Helper()
	stores := make([]*edge, n)
	for i := range stores {
		o := opts
		o.Node = fmt.Sprintf("edge-%d", i+1)
		stores[i] = unstarted(t, o, kinds...)
		stores[i].Start()
	}
	for _, e := range stores {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := e.tier.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	return stores
}

// lostAll waits until every edge has given the store up.
func lostAll(t testing.TB, stores []*edge) {
	t.Helper()
	for _, e := range stores {
		sample.Within(t, 5*time.Second, "the store is lost", func() bool { return !e.tier.Status().Shared })
	}
}

// total is how many commands the edges have sent.
func total(stores []*edge) (commands int64) {
	for _, e := range stores {
		commands += e.tier.Status().Commands
	}
	return commands
}

// set sets a manual entry of the kind level, or deletes it if the value is empty.
func set(ctx context.Context, m *Map, id, value string, ttl time.Duration) error {
	if value == "" {
		return m.Delete(ctx, "level", id, Manual)
	}
	return m.Set(ctx, "level", id, value, ttl, Manual)
}

// setIt sets an entry that must reach the store.
func setIt(t testing.TB, e *edge, id, value string, ttl time.Duration) {
	t.Helper()
	if err := set(t.Context(), e.Map, id, value, ttl); errors.Is(err, ErrRefused) {
		t.Error(err)
	} else if err != nil { // the store is told as soon as it is back
		sample.Within(t, 10*time.Second, "the store is told after "+err.Error(), func() bool {
			_, pending := e.standing()
			return !pending
		})
	}
}

// values are the entries that a map has.
func values(m *Map) map[string]string {
	all := map[string]string{}
	for _, e := range m.All("level") {
		all[e.ID] = e.Value
	}
	return all
}

// know waits until every edge has these entries and no others.
func know(t testing.TB, stores []*edge, patience time.Duration, want map[string]string) {
	t.Helper()
	for i, e := range stores {
		sample.Within(t, patience, fmt.Sprintf("edge %d has %v; it has %v", i+1, want, values(e.Map)), func() bool {
			return maps.Equal(values(e.Map), want)
		})
	}
}

// standing returns the version that the edge has, and whether there is something
// that the store was not told of yet.
func (e *edge) standing() (version int64, pending bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.kinds {
		pending = pending || k.pending > 0 || len(k.requested) > 0
	}
	return e.version, pending
}

// subscribedAll waits until each edge hears what the first one sets.
func subscribedAll(t testing.TB, stores []*edge) {
	t.Helper()
	sample.Within(t, 10*time.Second, "every edge hears and has everything", func() bool {
		setIt(t, stores[0], "hello", "there", 0)
		time.Sleep(50 * time.Millisecond)
		version, _ := stores[0].standing()
		for _, e := range stores {
			if v, pending := e.standing(); v != version || v <= 0 || pending {
				return false
			}
		}
		return true
	})
	setIt(t, stores[0], "hello", "", 0)
	know(t, stores, 5*time.Second, map[string]string{})
}

// ear is a listener that remembers.
type ear struct {
	mu    sync.Mutex
	heard []string // "id=value", in order; without a value it is over
	at    map[string]time.Time
}

func (e *ear) hear(c Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at == nil {
		e.at = map[string]time.Time{}
	}
	text := c.ID + "="
	if c.Holds() {
		text += c.Value
	}
	e.heard = append(e.heard, text)
	e.at[text] = time.Now()
}

func (e *ear) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " ")
}

// get returns an entry; the zero one if there is none.
func get(e *edge, id string) Entry {
	known, _ := e.Get("level", id)
	return known
}

// raw runs the script of the kind level as an edge does, and returns its answers.
// args are six of each entry: id, value, priority, told_ms, age_ms, life_ms.
func (e *edge) raw(t testing.TB, channel string, most int, args ...any) (answers []string) {
	t.Helper()
	k := e.kind("level")
	for some := range slices.Chunk(args, 6*maxCommand) {
		some = append([]any{channel, k.Name, most, "latest", 0}, some...)
		err := e.tier.Run(t.Context(), 30*time.Second, k.script, k.keys, some, func(reply tier.Reply) error {
			more, err := reply.StringSlice()
			answers = append(answers, more...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

// openEnd is the life of an entry with an open end.
const openEnd = int64(forever / time.Millisecond)

// copyOf has an edge know what another knows.
func (e *edge) copyOf(other *edge) {
	other.mu.Lock()
	defer other.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, known := range other.kind("level").entries {
		was := *known
		was.told, was.until, was.index = was.told-other.origin+e.origin, was.until-other.origin+e.origin, 0
		was.round = 0
		e.put(e.kind("level"), &was)
	}
	e.began = other.began
}
