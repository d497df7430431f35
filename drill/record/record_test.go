package record

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/drill/scenario"
)

var begin = time.Date(2016, 7, 1, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return begin.Add(time.Duration(second)*time.Second + 1) }

// story is a shop whose customers want two pages a second for a minute. A wave of ten
// seconds begins in second 10: for its first four seconds no page is good; the edge
// stops all of it from its third second on.
func story(pages int, good func(second int) bool) *Run {
	r := New(begin, time.Minute, []string{"loewen", "sonnen"})
	for i := range 60 {
		for range pages {
			r.Page("loewen", Page{Due: at(i), Took: 100 * time.Millisecond, Good: good(i), Refused: i == 50})
		}
		r.Page("loewen", Page{Due: at(i), Good: true, Picture: true})
	}
	sent := r.Wave(Wave{Name: "w", Shop: "loewen", At: 10 * time.Second, For: 10 * time.Second})
	for i := 10; i < 20; i++ {
		o := Failed
		if i >= 13 {
			o = Challenged
		}
		for range 200 {
			sent(at(i), o)
		}
	}
	return r.Finish(time.Minute)
}

func TestTimesOfAWave(t *testing.T) {
	for about, c := range map[string]struct {
		pages                      int
		good                       func(int) bool
		detected, acted, effective int
		note                       string
	}{
		"mitigated in its fifth second": {2, func(i int) bool { return i < 10 || i >= 14 }, 3, 3, 4, ""},
		"customers did not notice":      {2, func(int) bool { return true }, 3, 3, 0, ""},
		"only its end helped":           {2, func(i int) bool { return i < 10 || i >= 22 }, 3, 3, 12, "only after the attack had ended"},
		"never again":                   {2, func(i int) bool { return i < 10 }, 3, 3, -1, "customers were not served well again"},
		"no customer":                   {0, func(int) bool { return true }, 3, 3, -1, "not measurable: too few customers"},
	} {
		w := story(c.pages, c.good).Waves[0]
		or := func(v *int) int {
			if v == nil {
				return -1
			}
			return *v
		}
		got := []any{or(w.Detected), or(w.Acted), or(w.Effective), w.Note, w.Sent}
		if diff := cmp.Diff([]any{c.detected, c.acted, c.effective, c.note, 2000}, got); diff != "" {
			t.Errorf("%s: %s", about, diff)
		}
	}
}

// A level of 2 counts as detection even if nothing is stopped.
func TestDetectionByLevel(t *testing.T) {
	r := New(begin, 30*time.Second, []string{"loewen"})
	r.Wave(Wave{Name: "w", Shop: "loewen", At: 5 * time.Second, For: 10 * time.Second})
	r.Level("loewen", at(3), 1)
	r.Level("loewen", at(7), 2)
	run := r.Finish(30 * time.Second)
	if w := run.Waves[0]; w.Detected == nil || *w.Detected != 2 || w.Acted != nil {
		t.Errorf("%+v", w)
	}
	if top := run.Shops[0].Top(); top != 2 {
		t.Errorf("the highest level is %d", top)
	}
}

// A known customer that is challenged at level 2 is told from one at level 3. Levels come once
// a second, so one that rises in the same second counts, and so does one that an edge did not
// tell again at once.
func TestKnownCustomersBelowLevel3(t *testing.T) {
	r := New(begin, 30*time.Second, []string{"loewen"})
	r.Level("loewen", at(5), 2)
	r.Level("loewen", at(10), 3)
	for _, second := range []int{2, 8, 9, 10, 12} {
		r.Visit("loewen", Visit{Known: true, Challenged: true, ChallengedAt: at(second)})
	}
	r.Visit("loewen", Visit{Challenged: true, ChallengedAt: at(2)}) // not known
	if v := r.Finish(30 * time.Second).Shops[0].Visits; v.ChallengedKnown != 5 || v.ChallengedKnownAt2 != 2 {
		t.Errorf("got %+v, want 5 known customers, 2 of them below level 3", v)
	}
}

// Each target that is missed is named with what was asked and what came.
func TestTargets(t *testing.T) {
	run := story(2, func(i int) bool { return i < 10 || i >= 14 })
	run.Shops[0].Orders = Orders{Wanted: 9, Submitted: 8, Placed: 6, Lost: 1, Doubled: 1}
	run.Shops[0].Visits.ChallengedKnown, run.Shops[0].Visits.ChallengedKnownAt2 = 2, 1
	run.Incidents = []Incident{{ID: "20160701-1200-loewen", Shop: "loewen"}}
	share, span, none, two := new(scenario.Share(0.97)), new(scenario.Span(3*time.Second)), new(0), new(2)
	run.Judge(&scenario.Targets{
		Success: share, SuccessAfter: new(scenario.Share(0.99)), Detect: span, Effective: span, Lost: none, Doubled: none,
		Refused: two, ChallengedKnown: two, ChallengedKnownAt2: none, LevelMax: two, Incidents: none,
	})
	var got []string
	for _, v := range run.Verdicts {
		mark := "missed "
		if v.Met {
			mark = "met "
		}
		got = append(got, mark+v.String())
	}
	want := []string{
		"missed success at loewen: want at least 97%, got 93.33%",
		"missed success at sonnen: want at least 97%, not measured: no customer came",
		"met success_after at loewen: want at least 99%, got 100%",
		"missed success_after at sonnen: want at least 99%, not measured: no customer came",
		"met detect: want at most 3s, got 3s at worst",
		"missed effective: want at most 3s, got w at loewen 4s",
		"missed lost: want at most 0, got 1",
		"missed doubled: want at most 0, got 1",
		"met refused: want at most 2, got 2",
		"met challenged_known: want at most 2, got 2",
		"missed challenged_known_at_2: want at most 0, got 1",
		"missed level_max: want at most 2, not measured: no edge told a level",
		"missed incidents: want at most 0, got 1",
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

// Each wave has until it is mitigated; from then on all counts.
func TestSuccessAfterEachWave(t *testing.T) {
	for what, c := range map[string]struct {
		bad  int // a second in which no page is good, besides those of the first wave
		want string
	}{
		"before the second wave is mitigated": {41, "success_after at loewen: want at least 99%, got 100%"},
		"after it":                            {43, "success_after at loewen: want at least 99%, got 98.14%"},
		"between the waves":                   {30, "success_after at loewen: want at least 99%, got 98.14%"},
	} {
		run := story(2, func(i int) bool { return i != c.bad && (i < 10 || i >= 14) })
		run.Waves = append(run.Waves, &Wave{Name: "second", Shop: "loewen", At: 40 * time.Second, For: 5 * time.Second, Effective: new(2)})
		run.Judge(&scenario.Targets{SuccessAfter: new(scenario.Share(0.99))})
		if got := run.Verdicts[0].String(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	run := story(2, func(i int) bool { return i < 10 })
	run.Judge(&scenario.Targets{SuccessAfter: new(scenario.Share(0.99))})
	if got := run.Verdicts[0].String(); got != "success_after at loewen: want at least 99%, got a wave was never mitigated" {
		t.Error(got)
	}
}

// Incidents are counted once, however many shops and vectors they have, and a campaign has to
// hold for as long as the target says.
func TestCampaign(t *testing.T) {
	run := story(2, func(int) bool { return true })
	run.Incidents = []Incident{{ID: "a", Shop: "loewen"}, {ID: "a", Shop: "sonnen"}, {ID: "b", Shop: "sonnen"}}
	targets := &scenario.Targets{Incidents: new(2), Posture: new(scenario.Span(71 * time.Hour))}
	for _, c := range []struct {
		campaign *Campaign
		want     string
		met      bool
	}{
		{nil, "posture: want at least 71h0m0s, got no campaign was seen", false},
		{&Campaign{Posture: 30 * time.Minute}, "posture: want at least 71h0m0s, got 30m0s", false},
		{&Campaign{Posture: 72 * time.Hour}, "posture: want at least 71h0m0s, got 72h0m0s", true},
	} {
		run.Campaign = c.campaign
		run.Judge(targets)
		if incidents, posture := run.Verdicts[0], run.Verdicts[1]; !incidents.Met || posture.Met != c.met || posture.String() != c.want {
			t.Errorf("%v: %v", c.campaign, run.Verdicts)
		}
	}
}

func TestLatency(t *testing.T) {
	var all []time.Duration
	for i := range 1000 {
		all = append(all, time.Duration(1000-i)*time.Millisecond)
	}
	if diff := cmp.Diff(Latency{1000, 501, 951, 991, 1000}, latencyOf(all)); diff != "" {
		t.Error(diff)
	}
	if got := latencyOf(nil); got != (Latency{}) {
		t.Errorf("of none: %v", got)
	}
}
