package waf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/shop"
)

// TestEventsAreFound: the last ones of a shop, by their reference.
func TestEventsAreFound(t *testing.T) {
	e := new(events)
	if _, ok := e.find(""); ok {
		t.Error("an empty ring has an event without a reference")
	}
	name := func(i int) string { return fmt.Sprint("reference-", i) }
	const n = 300
	for i := range n {
		e.add(Event{Reference: name(i), Score: i})
	}
	for i, want := range map[int]bool{0: false, n - len(e.ring) - 1: false, n - len(e.ring): true, n - 1: true, n: false} {
		if got, ok := e.find(name(i)); ok != want || ok && got.Score != i {
			t.Errorf("event %d: found %t with score %d, want %t", i, ok, got.Score, want)
		}
	}
}

// TestEventsExplain: what an operator reads says the rule and the field, and
// the line that would let the request pass.
func TestEventsExplain(t *testing.T) {
	for _, shadow := range []bool{false, true} {
		id := shop.ID(fmt.Sprint("explain-", shadow))
		h := &Handler{Shop: id, Shadow: shadow, Threshold: 7, series: seriesOf(id), events: eventsOf(id), log: zap.NewNop()}
		reference := h.record(&shop.Visit{Shop: id, Class: shop.Search, Start: time.Now()}, &finding{
			rule: "crs", score: 15, matched: []match{{Rule: 942100, Phase: 2, Targets: []string{"ARGS:q", "ARGS:r"}}, {Rule: 941100}},
		})
		if other := h.record(new(shop.Visit), &finding{rule: "text"}); other == reference {
			t.Error("two events have one reference")
		}
		facts := h.explain(reference)
		if len(facts) != 3 {
			t.Fatalf("%d facts: %v", len(facts), facts)
		}
		if says := facts[0].Says; strings.Contains(says, "would have been") != shadow || !strings.Contains(says, "class search, score 15 of 7") {
			t.Errorf("shadow %t: %q", shadow, says)
		}
		for i, want := range []string{"exclude 942100 ARGS:q", "exclude 942100 ARGS:r"} {
			if got := facts[i+1]; got.Rule != "942100" || got.Says != want {
				t.Errorf("%v, want %q", got, want)
			}
		}
		if h.explain("unheard-of") != nil || h.explain("") != nil {
			t.Error("it explains what it does not know")
		}
		if eventsOf(id) != h.events || eventsOf("another") == h.events {
			t.Error("events do not survive a reload, or are another shop's")
		}
	}
}
