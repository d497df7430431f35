package shield

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// twoEdges are edges of one tier, with two shops.
func twoEdges(t testing.TB, redis *need.RedisServer) []*App {
	t.Helper()
	var edges []*App
	for i := range 2 {
		opts := counters.RedisOptions{Memory: 1 << 20}
		opts.Addresses, opts.Node, opts.Deadline = []string{redis.Addr}, fmt.Sprintf("edge-%d", i+1), 5*time.Second
		store, err := counters.NewRedis(opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		rt := &runtime{store: store, levels: levels.NewRegistry(func(levels.Change) {})}
		a := &App{runtime: rt, shops: map[shop.ID]*Shop{}}
		for _, id := range []shop.ID{"loewen", "sonnen"} {
			a.shops[id] = &Shop{ID: id, level: rt.levels.Of(id)}
		}
		rt.levels.Listen(store)
		store.Start()
		edges = append(edges, a)
	}
	for _, a := range edges {
		sample.Within(t, 20*time.Second, "the edges know of each other", func() bool {
			st := a.Store().Status()
			return st.Shared && len(st.Nodes) == len(edges)
		})
	}
	return edges
}

// agree waits until all edges say so of a shop.
func agree(t testing.TB, edges []*App, id shop.ID, about string, level shop.Level, by levels.Source) {
	t.Helper()
	sample.Within(t, 10*time.Second, fmt.Sprintf("%s: %s is at %s by %q", about, id, level, by), func() bool {
		for _, a := range edges {
			if is := a.shops[id].Level(); is.Level != level || is.By != by {
				return false
			}
		}
		return true
	})
}

// act is what somebody does about the level of loewen.
type act func(context.Context, *App) error

func pinned(level shop.Level, atLeast bool) act {
	return func(ctx context.Context, a *App) error {
		return a.Pin(ctx, "loewen", levels.Pin{Level: level, AtLeast: atLeast}, time.Hour)
	}
}

func exactly(level shop.Level) act { return pinned(level, false) }
func atLeast(level shop.Level) act { return pinned(level, true) }
func auto(ctx context.Context, a *App) error {
	return a.Unpin(ctx, "loewen")
}

func watched(level shop.Level) act {
	return func(ctx context.Context, a *App) error { return a.SetWatched(ctx, "loewen", level, a.Time(time.Now())) }
}

// older is `theriac shield level` of the release before.
func older(level shop.Level) act {
	return func(ctx context.Context, a *App) error {
		if level == shop.Calm {
			return a.Store().Delete(ctx, counters.Level, "loewen", counters.Manual)
		}
		return a.Store().Set(ctx, counters.Level, "loewen", fmt.Sprintf("%d 0", level), 0, counters.Manual)
	}
}

// automatic is what the release before would make of the watch's level.
func automatic(level shop.Level) act {
	return func(ctx context.Context, a *App) error {
		return a.Store().Set(ctx, counters.Level, "loewen", fmt.Sprintf("%d 0", level), time.Hour, counters.Automatic)
	}
}

func campaign(ctx context.Context, a *App) error {
	return a.SetCampaign(ctx, levels.Campaign{Why: "search floods at 3 shops"}, time.Hour)
}
func peace(ctx context.Context, a *App) error { return a.EndCampaign(ctx) }

// TestWhoDecides: people, the watch and a campaign set levels at either edge, in many orders,
// also at edges of the release before. Each order has one that differs in what it is about.
func TestWhoDecides(t *testing.T) {
	t.Parallel()
	type step struct {
		edge  int
		act   act
		level shop.Level
		by    levels.Source
	}
	for about, steps := range map[string][]step{
		"the watch raises and lowers":           {{0, watched(1), 1, "watch"}, {1, watched(3), 3, "watch"}, {0, watched(2), 2, "watch"}, {1, watched(0), 0, ""}},
		"an exact pin holds against the watch":  {{0, exactly(1), 1, "people"}, {1, watched(3), 1, "people"}, {1, watched(0), 1, "people"}, {1, auto, 0, ""}},
		"at least gives way to the watch":       {{0, atLeast(1), 1, "people"}, {1, watched(3), 3, "watch"}, {1, watched(0), 1, "people"}, {1, auto, 0, ""}},
		"auto leaves it to the watch":           {{0, watched(2), 2, "watch"}, {0, exactly(0), 0, "people"}, {1, auto, 2, "watch"}},
		"auto where nothing was set":            {{0, auto, 0, ""}, {0, watched(1), 1, "watch"}, {1, auto, 1, "watch"}},
		"a pin at either edge":                  {{0, exactly(2), 2, "people"}, {1, exactly(4), 4, "people"}, {0, atLeast(1), 1, "people"}},
		"a campaign":                            {{0, campaign, 1, "campaign"}, {1, watched(2), 2, "watch"}, {0, watched(0), 1, "campaign"}, {1, peace, 0, ""}},
		"a pin in a campaign":                   {{0, campaign, 1, "campaign"}, {1, exactly(0), 0, "people"}, {0, auto, 1, "campaign"}, {1, peace, 0, ""}},
		"the release before pins":               {{0, older(2), 2, "people"}, {1, watched(0), 2, "people"}, {1, auto, 0, ""}, {0, watched(1), 1, "watch"}},
		"an automatic level is no pin":          {{0, automatic(2), 2, "watch"}, {1, watched(0), 0, ""}},
		"the release before in place of watch":  {{0, watched(3), 3, "watch"}, {1, older(1), 1, "people"}, {1, older(0), 0, ""}, {0, watched(3), 3, "watch"}},
		"this release after the one before":     {{0, older(2), 2, "people"}, {1, exactly(3), 3, "people"}, {0, older(1), 1, "people"}, {1, atLeast(2), 2, "people"}, {0, auto, 0, ""}},
		"what the release before ended is over": {{0, exactly(3), 3, "people"}, {1, older(2), 2, "people"}, {1, older(0), 3, "people"}, {0, auto, 0, ""}},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			edges := twoEdges(t, need.Redis(t))
			for i, s := range steps {
				if err := s.act(t.Context(), edges[s.edge]); err != nil {
					t.Fatalf("step %d: %v", i+1, err)
				}
				agree(t, edges, "loewen", fmt.Sprint("step ", i+1), s.level, s.by)
				time.Sleep(2 * time.Millisecond) // of two acts in a millisecond neither is the later one
			}
		})
	}
}

// TestTheReleaseBeforeKeepsTheWatchOut: the store does not take what the watch says in the
// place of what a person has set there.
func TestTheReleaseBeforeKeepsTheWatchOut(t *testing.T) {
	t.Parallel()
	edges := twoEdges(t, need.Redis(t))
	a, ctx := edges[0], t.Context()
	for _, c := range []struct {
		stands  act
		refused bool
	}{{automatic(2), false}, {older(2), true}} {
		if err := c.stands(ctx, a); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		if err := a.SetWatched(ctx, "loewen", shop.Siege, time.Time{}); errors.Is(err, counters.ErrRefused) != c.refused || errors.Is(err, ErrUnshared) {
			t.Errorf("the watch is refused: %v, want %t", err, c.refused)
		}
	}
}

// TestLevelsEnd: a pin ends by itself, and the watch's level if it is told no longer.
func TestLevelsEnd(t *testing.T) {
	t.Parallel()
	edges := twoEdges(t, need.Redis(t))
	ctx, a := t.Context(), edges[0]
	for id, lasts := range map[shop.ID]time.Duration{"loewen": 2 * time.Second, "sonnen": time.Hour} {
		if err := errors.Join(a.SetWatched(ctx, id, shop.Raised, time.Time{}), a.Pin(ctx, id, levels.Pin{Level: shop.Siege}, lasts)); err != nil {
			t.Fatal(err)
		}
	}
	agree(t, edges, "loewen", "after 2 seconds", shop.Raised, levels.ByWatch)
	agree(t, edges, "sonnen", "the control, for an hour", shop.Siege, levels.ByPeople)

	first := a.shops["loewen"].Level().Until
	if left := time.Until(first); left > watchedLasts || left < watchedLasts-time.Minute {
		t.Errorf("what the watch has set ends in %s, want %s", left, watchedLasts)
	}
	time.Sleep(10 * time.Millisecond)
	if err := a.SetWatched(ctx, "loewen", shop.Raised, time.Time{}); err != nil {
		t.Fatal(err)
	}
	sample.Within(t, 10*time.Second, "told again it ends later", func() bool { return a.shops["loewen"].Level().Until.After(first) })
}

// TestSinceWhen: the time before which stamps count is that of the attack, and moves neither
// when the level is told again or raised, nor when people and the watch take turns.
func TestSinceWhen(t *testing.T) {
	t.Parallel()
	edges := twoEdges(t, need.Redis(t))
	onset := edges[0].Time(time.Now()).Add(-20 * time.Second).Round(time.Millisecond)
	since := func(level shop.Level) act {
		return func(ctx context.Context, a *App) error { return a.SetWatched(ctx, "loewen", level, onset) }
	}
	later := func(level shop.Level) act {
		return func(ctx context.Context, a *App) error {
			return a.SetWatched(ctx, "loewen", level, onset.Add(10*time.Second))
		}
	}
	future := func(ctx context.Context, a *App) error {
		return a.SetWatched(ctx, "loewen", shop.Attack, onset.Add(time.Hour))
	}
	const (
		never = iota
		atOnset
		atAct // when the step is made
	)
	for i, s := range []struct {
		act   act
		level shop.Level
		by    levels.Source
		since int
	}{
		{since(1), 1, "watch", never},
		{since(2), 2, "watch", atOnset},
		{later(2), 2, "watch", atOnset},
		{exactly(3), 3, "people", atOnset},
		{later(4), 3, "people", atOnset},
		{exactly(0), 0, "people", never},
		{exactly(2), 2, "people", atOnset},
		{watched(0), 2, "people", atOnset},
		{later(3), 2, "people", atOnset},
		{auto, 3, "watch", atOnset},
		{watched(1), 1, "watch", never},
		{exactly(2), 2, "people", atAct}, // the control: another attack
		{auto, 1, "watch", never},
		{future, 2, "watch", atAct},
	} {
		before := edges[1].Time(time.Now())
		if err := s.act(t.Context(), edges[i%2]); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
		agree(t, edges, "loewen", fmt.Sprint("step ", i+1), s.level, s.by)
		for _, a := range edges {
			got := a.shops["loewen"].Level().Since
			ok := got.IsZero()
			switch s.since {
			case atOnset:
				ok = got.Sub(onset).Abs() < time.Millisecond
			case atAct:
				ok = got.Sub(before).Abs() < 10*time.Second && got.After(onset.Add(15*time.Second))
			}
			if !ok {
				t.Errorf("step %d, %s: since %s; the attack began at %s, the step at %s", i+1, a.Store().Status().Kind, got, onset, before)
			}
		}
	}
}

// TestPinsWithoutTheStore: what is set while the store is lost holds here, and elsewhere later.
func TestPinsWithoutTheStore(t *testing.T) {
	t.Parallel()
	redis := need.Redis(t)
	edges := twoEdges(t, redis)
	ctx, a, b := t.Context(), edges[0], edges[1]
	if err := errors.Join(a.Pin(ctx, "sonnen", levels.Pin{Level: shop.Siege}, time.Hour), a.SetWatched(ctx, "loewen", shop.Heavy, time.Time{})); err != nil {
		t.Fatal(err)
	}
	agree(t, edges, "sonnen", "with the store", shop.Siege, levels.ByPeople)
	agree(t, edges, "loewen", "with the store", shop.Heavy, levels.ByWatch)
	redis.Kill()
	sample.Within(t, 20*time.Second, "the store is lost", func() bool { return !a.Store().Status().Shared && !b.Store().Status().Shared })
	peak := levels.Peak{From: time.Now().Add(-time.Minute), To: time.Now().Add(time.Hour), Factor: 3}
	for about, err := range map[string]error{
		"pin": a.Pin(ctx, "loewen", levels.Pin{Level: shop.Raised}, time.Hour), "auto": a.Unpin(ctx, "sonnen"), "expect": a.Expect(ctx, "loewen", peak, time.Now()),
	} {
		if !errors.Is(err, ErrUnshared) {
			t.Errorf("%s: %v, want that the others learn of it later", about, err)
		}
	}
	agree(t, edges[:1], "loewen", "at this edge", shop.Raised, levels.ByPeople)
	agree(t, edges[:1], "sonnen", "at this edge", shop.Calm, levels.Nobody)
	agree(t, edges[1:], "loewen", "the control, at the other", shop.Heavy, levels.ByWatch)
	agree(t, edges[1:], "sonnen", "the control, at the other", shop.Siege, levels.ByPeople)
	if f := b.Expected("loewen", time.Now()); f != 1 {
		t.Errorf("the other edge expects %vx already", f)
	}
	redis.Restart()
	agree(t, edges, "loewen", "the store is back", shop.Raised, levels.ByPeople)
	agree(t, edges, "sonnen", "the store is back", shop.Calm, levels.Nobody)
	sample.Within(t, 10*time.Second, "the other edge expects visitors", func() bool { return b.Expected("loewen", time.Now()) == 3 })
}

// TestPinRefuses what cannot be meant.
func TestPinRefuses(t *testing.T) {
	t.Parallel()
	a := twoEdges(t, need.Redis(t))[0]
	for about, c := range map[string]struct {
		id    shop.ID
		pin   levels.Pin
		lasts time.Duration
		ok    bool
	}{
		"the control":         {"loewen", levels.Pin{Level: shop.Raised, AtLeast: true}, LongestPin, true},
		"an unknown shop":     {"eulen", levels.Pin{Level: shop.Raised}, time.Hour, false},
		"at least 0":          {"loewen", levels.Pin{AtLeast: true}, time.Hour, false},
		"no end":              {"loewen", levels.Pin{Level: shop.Raised}, 0, false},
		"longer than 30 days": {"loewen", levels.Pin{Level: shop.Raised}, LongestPin + time.Second, false},
	} {
		if err := a.Pin(t.Context(), c.id, c.pin, c.lasts); (err == nil) != c.ok {
			t.Errorf("%s: %v", about, err)
		}
	}
}
