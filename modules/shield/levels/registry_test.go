package levels

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// memory is the store of one edge.
func memory(t testing.TB) counters.Store {
	t.Helper()
	store := counters.NewMemory(1 << 20)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func set(t testing.TB, store counters.Store, kind, id, value string, p counters.Priority) {
	t.Helper()
	if err := store.Set(t.Context(), kind, id, value, time.Hour, p); err != nil {
		t.Fatal(err)
	}
}

// TestChangesAreToldOnce: another level is one change; the same level from elsewhere, or told
// again, is none.
func TestChangesAreToldOnce(t *testing.T) {
	store := memory(t)
	var told []string
	b := NewRegistry(func(c Change) {
		told = append(told, fmt.Sprintf("%s %d-%d %s", c.ID, c.Was.Level, c.Is.Level, c.Is.By))
	})
	b.Listen(store)
	loewen := b.Of("loewen")
	for _, step := range []struct {
		kind, id, value string
		want            string // empty: no change is told
	}{
		{counters.Level, "loewen", "2 1796040000123", "loewen 0-2 watch"},
		{counters.Level, "loewen", "2 1796040000123", ""},
		{counters.Pin, "loewen", `{"level":2}`, ""},
		{counters.Pin, "loewen", `{"level":3,"at_least":true}`, "loewen 2-3 people"},
		{counters.Pin, "loewen", `{"level":9}`, ""}, // of a release that has more levels
		{counters.Campaign, "tier", `{}`, ""},
		{counters.Pin, "loewen", `{"level":0}`, "loewen 3-0 people"},
		{counters.Level, "sonnen", "2 0", "sonnen 1-2 watch"},
	} {
		told = nil
		set(t, store, step.kind, step.id, step.value, counters.Automatic)
		if want := slices.DeleteFunc([]string{step.want}, func(s string) bool { return s == "" }); !slices.Equal(told, want) {
			t.Errorf("%s %s: told %q, want %q", step.kind, step.value, told, want)
		}
	}
	if is := loewen.Load(); is.Level != shop.Calm || is.Watched != shop.Attack || is.Pin == nil {
		t.Errorf("in the end %+v", is)
	}
	if is := b.Of("eulen").Load(); is.Level != shop.Raised || is.By != ByCampaign {
		t.Errorf("a shop that comes while there is a campaign: %+v", is)
	}
}

// TestAChangeMaySetAnother: a listener that sets a level, as a handler of the event may, is
// called with the change that it has made when it has returned, and waits for nobody.
func TestAChangeMaySetAnother(t *testing.T) {
	store := memory(t)
	var told []shop.Level
	inside := false
	var b *Registry
	b = NewRegistry(func(c Change) {
		if inside {
			t.Error("called in the middle of a call")
		}
		inside = true
		told = append(told, c.Is.Level)
		if c.Is.Level == shop.Attack {
			set(t, store, counters.Pin, "loewen", `{"level":4}`, counters.Manual)
			if is := b.Of("loewen").Load(); is.Level != shop.Siege {
				t.Errorf("the level that was set does not hold: %+v", is)
			}
		}
		inside = false
	})
	b.Listen(store)
	set(t, store, counters.Level, "loewen", "2 0", counters.Automatic)
	if want := []shop.Level{shop.Attack, shop.Siege}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

// TestALevelSetByThePriorBinary is a pin if a person has set it, and the watch's if not.
func TestALevelSetByThePriorBinary(t *testing.T) {
	for priority, want := range map[counters.Priority]Source{counters.Manual: ByPeople, counters.Automatic: ByWatch} {
		store := memory(t)
		b := NewRegistry(func(Change) {})
		b.Listen(store)
		set(t, store, counters.Level, "loewen", "2 1796040000123", priority)
		is := b.Of("loewen").Load()
		if is.Level != shop.Attack || is.By != want || b.HasOlderPin("loewen") != (want == ByPeople) || is.Since.UnixMilli() != 1796040000123 {
			t.Errorf("priority %d: %+v, want it by %s", priority, is, want)
		}
		if err := store.Delete(t.Context(), counters.Level, "loewen", counters.Manual); err != nil {
			t.Fatal(err)
		}
		if is := b.Of("loewen").Load(); is.Level != shop.Calm || b.HasOlderPin("loewen") || !b.AttackedSince("loewen").IsZero() {
			t.Errorf("priority %d: after it was deleted %+v", priority, is)
		}
	}
}
