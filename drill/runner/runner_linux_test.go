package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: what customers see depends on it.
func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}

// short is a scenario of some seconds: the shop bears 40 pages a second, and gets 150.
const short = `
name: short
for: 6s
shops: [{name: loewen, page_time: 50ms, queue: 10, patience: 500ms}, {name: sonnen}]
customers: {arrive: 3/s, think: 200ms, buy: 50%}
waves:
  - {name: flood, at: 1s, for: 4s, shop: loewen, vector: get, rate: 150/s, from: 150}
blackhole: {above: 100/s, after: 1s, hold: 2s}
targets: {success: 90%, detect: 3s, lost: 0, doubled: 0, challenged_known: 0, level_max: 2}
`

func drillOf(t *testing.T, text string) *Drill {
	t.Helper()
	s, err := scenario.Parse("short.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &Drill{Scenario: s, Edges: 2, Edge: need.Command(t, "theriac"), Shops: need.Command(t, "drill"), Dir: t.TempDir()}
}

// The same attack in three worlds: two of them show the damage, which the shield
// prevents; so the first two are the control of the third.
func TestWorldsSideBySide(t *testing.T) {
	need.Time(t)
	d := drillOf(t, short)
	d.Level = 2
	for _, kind := range world.Kinds {
		run, err := d.In(t.Context(), kind)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		attacked, quiet := run.Shops[0], run.Shops[1]
		during := part(attacked, 1, 5)
		t.Logf("%s: attacked %.2f, quiet %.2f; %+v, %+v", kind, during, part(quiet, 1, 5), attacked.Orders, run.Generator)
		if good := part(quiet, 0, 6); good < 0.9 {
			t.Errorf("%s: %.2f of the pages of the other shop are good", kind, good)
		}
		if w := run.Waves[0]; w.Due < 590 || w.Sent+w.Missed < w.Due-5 {
			t.Errorf("%s: %d requests due, %d sent, %d missed", kind, w.Due, w.Sent, w.Missed)
		}
		if kind != world.Shield {
			if during > 0.9 || run.Verdicts != nil {
				t.Errorf("%s: %.2f of the pages are good: the attack does nothing", kind, during)
			}
			continue
		}
		for _, v := range run.Verdicts {
			if !v.Met {
				t.Errorf("missed %s", v)
			}
		}
		if attacked.Visits.Challenged == 0 || attacked.Orders.Placed == 0 || len(run.Processes) != 6 {
			t.Errorf("%+v, %+v, %v", attacked.Visits, attacked.Orders, run.Processes)
		}
	}
}

// part is which part of the pages of some seconds was good.
func part(s *record.Shop, from, to int) float64 {
	good, pages := 0, 0
	for _, second := range s.Seconds[from:to] {
		good, pages = good+second.Good, pages+second.Pages
	}
	return float64(good) / float64(max(pages, 1))
}

// A shield that is broken on purpose still serves customers, and is whole in the end.
func TestChaos(t *testing.T) {
	need.Time(t)
	d := drillOf(t, `
name: chaos
for: 5s
shops: [{name: loewen}]
customers: {arrive: 4/s, think: 200ms}
chaos:
  - {at: 500ms, do: reload}
  - {at: 1s, do: kill leader, for: 2s}
  - {at: 3500ms, do: stop redis, for: 1s}
targets: {success: 90%, lost: 0, doubled: 0, incidents: 0}
`)
	seconds := 0
	d.Progress = func(*record.Recorder, time.Duration) { seconds++ }
	run, err := d.In(t.Context(), world.Shield)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range run.Verdicts {
		if !v.Met {
			t.Error(v)
		}
	}
	if seconds < 3 || seconds > 5 {
		t.Errorf("progress was shown %d times in 5 s", seconds)
	}
	d.Edges = 1
	if _, err := d.In(t.Context(), world.Shield); err == nil || !strings.Contains(err.Error(), "killing an edge: there is only one") {
		t.Errorf("killing the only edge: %v", err)
	}
}

// What does not start is an error and no report.
func TestAnEdgeThatDoesNotStart(t *testing.T) {
	d := drillOf(t, short)
	d.Edge = "/bin/false"
	if _, err := d.In(t.Context(), world.Shield); err == nil || !strings.Contains(err.Error(), "starting edge-1: it ended") {
		t.Errorf("an edge that is none: %v", err)
	}
}
