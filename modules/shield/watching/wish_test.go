package watching

import (
	"testing"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// fakeEdge is a configuration that says nothing.
type fakeEdge struct{ Edge }

func (fakeEdge) Why(shop.ID) (levels.Why, bool) {
	return levels.Why{Reason: "shop_suffers", Vector: "search-flood", Words: "said by another"}, true
}

func TestDecide(t *testing.T) {
	const now = 1_796_040_000
	nothing := shop.Level(99)
	for about, c := range map[string]struct {
		role         counters.Role
		shadow       bool
		known        shop.Level // that the edges know of
		level, need  shop.Level // of all edges' counts
		alone        shop.Level // what this edge's own ask for
		said         shop.Level
		ago          int64 // since it was said; 0: never
		want         shop.Level
		heldThen     shop.Level // that the rule holds afterwards
		checkHolding bool
	}{
		"calm":                                      {role: counters.Leading, want: nothing},
		"the leader raises":                         {role: counters.Leading, level: 2, need: 2, want: 2},
		"an edge that is alone raises":              {role: counters.Alone, level: 2, need: 2, want: 2},
		"a follower waits for the leader":           {role: counters.Following, level: 2, need: 2, want: nothing},
		"a follower that sees enough raises":        {role: counters.Following, level: 2, need: 2, alone: 2, want: 2},
		"a follower does not repeat":                {role: counters.Following, known: 2, alone: 2, want: nothing},
		"a follower does not lower":                 {role: counters.Following, known: 2, said: 2, ago: 5, want: nothing},
		"the leader lowers what it has set":         {role: counters.Leading, known: 2, level: 1, said: 2, ago: 5, want: 1},
		"the leader keeps what another edge raised": {role: counters.Leading, known: 3, level: 1, said: 2, ago: 5, want: nothing, heldThen: 3, checkHolding: true},
		"a new leader keeps what holds":             {role: counters.Leading, known: 2, want: nothing, heldThen: 2, checkHolding: true},
		"a new leader says again what holds":        {role: counters.Leading, known: 1, level: 2, want: 1},
		"the store has lost it":                     {role: counters.Leading, level: 2, said: 2, ago: 30, want: 2},
		"nothing new":                               {role: counters.Leading, known: 2, level: 2, said: 2, ago: 30, want: nothing},
		"once a minute":                             {role: counters.Leading, known: 2, level: 2, said: 2, ago: again, want: 2},
		"shadow sets nothing":                       {role: counters.Leading, shadow: true, level: 2, need: 2, want: nothing},
		"shadow ends what was set":                  {role: counters.Leading, shadow: true, known: 2, level: 2, need: 2, want: 0},
		"a follower in shadow":                      {role: counters.Following, shadow: true, known: 1, alone: 2, want: nothing},
	} {
		s := &watched{Shop: Shop{ID: "loewen", Level: &levels.State{Watched: c.known}, Acts: !c.shadow}, said: c.said}
		if c.ago > 0 {
			s.saidAt = now - c.ago
		}
		s.verdict = watch.Verdict{Level: c.level, Need: c.need}
		j := judgment{edge: fakeEdge{}, at: now, lead: counters.Leadership{Role: c.role}, alone: watch.Verdict{Need: c.alone}}
		j.decide(s)
		got := nothing
		if len(j.wishes) == 1 {
			got = j.wishes[0].level
		}
		if got != c.want || len(j.wishes) > 1 {
			t.Errorf("%s: %d wishes, for level %d, want %d", about, len(j.wishes), got, c.want)
		}
		if held := s.all.Held(); c.checkHolding && (held.Level != c.heldThen || held.Cause.Why != watch.WhySuffers || held.Cause.Vector != watch.SearchFlood) {
			t.Errorf("%s: then %+v is held, want level %d and what the other edge has said", about, held, c.heldThen)
		}
	}
}
