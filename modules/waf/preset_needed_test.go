//go:build !race

package waf

import (
	"slices"
	"sync"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestPresetIsNeeded: the bare rule set refuses many requests of the corpus,
// the preset none, and the preset without one of its exclusions at least one.
func TestPresetIsNeeded(t *testing.T) {
	need.Time(t)
	t.Parallel()
	b, all := newBench(t), samples(t)
	var bitten []*sample
	var mu sync.Mutex
	var group sync.WaitGroup
	for part := range 4 { // at a time, as on an edge
		group.Go(func() {
			for i := part; i < len(all); i += 4 {
				s := all[i]
				refused, fired := b.refuses(s, nil)
				if !refused {
					continue
				}
				if again, _ := b.refuses(s, b.preset); again {
					t.Errorf("%s: refused in spite of the preset", s.where)
				}
				s.fired = fired
				mu.Lock()
				bitten = append(bitten, s)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if len(all) < 1200 || len(bitten) < 300 {
		t.Errorf("the bare rule set refuses %d of %d; want at least 300 of 1200", len(bitten), len(all))
	}
	for i, x := range presetExclusions() {
		without := slices.Delete(slices.Clone(b.preset), i, i+1)
		if !slices.ContainsFunc(bitten, func(s *sample) bool {
			if !x.concerns(t, b, s) {
				return false
			}
			refused, _ := b.refuses(s, without)
			return refused
		}) {
			t.Errorf("exclude %s %s %v %v: no request of the corpus needs it", x.Rule, x.Target, x.Paths, x.ContentTypes)
		}
	}
	t.Logf("%d requests, of which the bare rule set refuses %d; %d exclusions", len(all), len(bitten), len(b.preset))
}

// concerns reports whether the exclusion takes away something that fired.
func (x *Exclusion) concerns(t *testing.T, b *bench, s *sample) bool {
	t.Helper()
	ids, err := b.engine.rulesOf(x.Rule)
	if err != nil {
		t.Fatal(err)
	}
	table, _ := b.read(s)
	return x.applies(s.Request, table) && slices.ContainsFunc(s.fired, func(h hit) bool {
		if x.Target == "" || !slices.Contains(ids, h.rule) {
			return x.Target == ""
		}
		_, key, pattern, err := parseTarget(x.Target)
		if err != nil {
			t.Fatal(err)
		}
		return pattern == nil && (key == "" || key == h.key) || pattern != nil && pattern.MatchString(h.key)
	})
}
