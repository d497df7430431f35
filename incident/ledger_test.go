package incident

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/watch"
)

// TestLedger: what the agreement says of each story.
func TestLedger(t *testing.T) {
	type row struct {
		Group                       Group
		Detect, Alert, Act, Mitgate int64 // -1: nil
		Result                      Result
		Breach, Harm                int64
	}
	orNil := func(n *int64) int64 {
		if n == nil {
			return -1
		}
		return *n
	}
	for name, s := range map[string]struct {
		wave wave
		want row
	}{
		"a flood, within the target":   {flood, row{Floods, 1, -1, 2, 6, Met, 0, 4}},
		"a flood that hurt for longer": {with(flood, func(w *wave) { w.heals = 141 }), row{Floods, 1, -1, 2, 14, Missed, 4, 12}},
		"detected too late":            {with(flood, func(w *wave) { w.detected = 134 }), row{Floods, 7, -1, 2, 6, Missed, 4, 4}},
		"never effective":              {with(flood, func(w *wave) { w.heals = 5000 }), row{Floods, 1, -1, 2, -1, Missed, 563, 872}},
		"SYN, prepared":                {synFlood, row{Prepared, 0, -1, 0, 0, Met, 0, 0}},
		"SYN that hurt for two seconds": {
			with(synFlood, func(w *wave) { w.hurts, w.heals = 60, 62 }),
			row{Prepared, 0, -1, 0, 2, Missed, 2, 2},
		},
		"low and slow, too few customers": {lowAndSlow, row{Slow, 19, -1, 20, -1, NotMeasurable, 0, 0}},
		"too few customers, and too late": {with(lowAndSlow, func(w *wave) { w.detected = 130 }), row{Slow, 70, -1, 20, -1, Missed, 10, 0}},
		"low and slow":                    {with(lowAndSlow, func(w *wave) { w.customers = 2 }), row{Slow, 19, -1, 20, 0, Met, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t, s.wave).run(0, 1100).one()
			lines := Ledger(r, DefaultTargets())
			if len(lines) != 1 {
				t.Fatalf("%d lines, want 1", len(lines))
			}
			l := &lines[0]
			got := row{
				groupOf(r.Shops[0], r.Shops[0].Vectors[0]), orNil(l.Detect), orNil(l.Alert), orNil(l.Act), orNil(l.Mitigate),
				l.Result, l.Breach, l.HarmSeconds,
			}
			if d := cmp.Diff(s.want, got); d != "" {
				t.Error(d)
			}
			if l.Month != "2026-11" || l.Shop != s.wave.shop || l.Vector != s.wave.vector.String() || l.Incident != r.ID {
				t.Errorf("the line is %+v", l)
			}
			if (l.OrdersExpected == nil) != s.wave.expectedUnknown {
				t.Errorf("expected orders: %v", l.OrdersExpected)
			}
			data, err := marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			read, err := DecodeLine(data)
			if d := cmp.Diff(*l, read); err != nil || d != "" {
				t.Errorf("%v: %s", err, d)
			}
		})
	}
}

// TestConsistency: what customers fared after it was effective.
func TestConsistency(t *testing.T) {
	relapse := with(flood, func(w *wave) { w.from, w.to, w.hurts, w.heals = 300, 301, 300, 310 })
	l := Ledger(newWorld(t, flood, relapse).run(0, 1000).one(), DefaultTargets())[0]
	if *l.Mitigate != 6 || l.Consistency == nil {
		t.Fatalf("%+v", l)
	}
	const customers = 4 * (1000 - 133 + 1) // from second 133 to 1000
	if want := 1 - 4.0*10/customers; *l.Consistency < want-1e-9 || *l.Consistency > want+1e-9 {
		t.Errorf("consistency %v, want %v", *l.Consistency, want)
	}
}

// TestTotals: sums by month and shop; what is not measurable is neither met nor missed, and the
// harm of a second counts once.
func TestTotals(t *testing.T) {
	line := func(incident, shop string, mitigate int64, result Result, harm, breach int64) Line {
		l := Line{V: 1, Month: "2026-11", Incident: incident, Vector: "get-flood", Result: result, HarmSeconds: harm, Breach: breach, Orders: 3, OrdersExpected: new(4.0)}
		l.Shop, l.Onset = "loewen", noon
		if shop == "sonnen" {
			l.Shop = "sonnen"
		}
		if mitigate >= 0 {
			l.Mitigate = new(mitigate)
		}
		return l
	}
	december := line("20261201-1042-loewen", "loewen", 0, Met, 0, 0)
	december.Month, december.OrdersExpected = "2026-12", nil
	got := Totals([]Line{
		december,
		line("20261129-1042-loewen", "loewen", 6, Met, 4, 0),
		line("20261129-1042-loewen", "loewen", 14, Missed, 10, 4),
		line("20261130-1042-loewen", "loewen", -1, NotMeasurable, 0, 0),
		line("20261129-1042-loewen", "sonnen", -1, Missed, 300, 290),
		line("20261130-1142-loewen", "loewen", 9, Met, 8, 0),
	})
	want := []Total{
		{Month: "2026-11", Shop: "loewen", Incidents: 3, Met: 2, Missed: 1, NotMeasurable: 1, Median: new(int64(9)), Worst: new(int64(14)), Breach: 4, HarmSeconds: 18, Orders: 9, Expected: 12},
		{Month: "2026-11", Shop: "sonnen", Incidents: 1, Missed: 1, Breach: 290, HarmSeconds: 300, Orders: 3, Expected: 4},
		{Month: "2026-12", Shop: "loewen", Incidents: 1, Met: 1, Median: new(int64(0)), Worst: new(int64(0)), Orders: 3},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if Totals(nil) != nil {
		t.Error("no lines have totals")
	}
}

// TestGroups: each vector has a target.
func TestGroups(t *testing.T) {
	for v := range watch.Vectors {
		name := watch.Vector(v).String()
		packets := v >= int(watch.SYN) && v != int(watch.Carpet)
		if got := groupOf(&Shop{ID: "loewen"}, &Vector{Vector: name, Peak: 1}); packets && got != Prepared || !packets && got == Floods {
			t.Errorf("%s is of %v", name, got)
		}
		if got := groupOf(&Shop{}, &Vector{Vector: name}); got != Prepared {
			t.Errorf("%s of the tier is of %v", name, got)
		}
	}
	for peak, want := range map[int64]Group{0: Slow, SlowRate - 1: Slow, SlowRate: Floods} {
		if got := groupOf(&Shop{ID: "loewen"}, &Vector{Vector: watch.GetFlood.String(), Peak: peak}); got != want {
			t.Errorf("%d/s is of %v, want %v", peak, got, want)
		}
	}
	targets := DefaultTargets()
	if err := targets.Check(); err != nil {
		t.Error(err)
	}
	targets[Slow].Detect = -1
	if err := targets.Check(); err == nil || !strings.Contains(err.Error(), "low and slow") {
		t.Errorf("a negative target: %v", err)
	}
}

// TestPageNamesThem: the page for operators has every vector with its target, and the bounds.
func TestPageNamesThem(t *testing.T) {
	page, err := os.ReadFile("../docs/operations/incidents.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[Group]string{}
	for line := range strings.Lines(string(page)) {
		for g := range groups {
			if strings.HasPrefix(line, "| "+g.String()+" (") {
				rows[g] = line
			}
		}
	}
	for v := range watch.Vectors {
		name := watch.Vector(v).String()
		g := groupOf(&Shop{ID: "loewen"}, &Vector{Vector: name, Peak: SlowRate})
		if !strings.Contains(rows[g], "`"+name+"`") {
			t.Errorf("the row of %v does not name %s: %s", g, name, rows[g])
		}
	}
	for g, target := range DefaultTargets() {
		end := fmt.Sprintf("| %.0f s | %.0f s |\n", target.Detect.Seconds(), target.Effective.Seconds())
		if !strings.HasSuffix(rows[Group(g)], end) {
			t.Errorf("the row of %v does not end with %s: %s", Group(g), end, rows[Group(g)])
		}
	}
	for _, want := range []string{
		fmt.Sprintf("| a record | %d KiB.", MaxRecord>>10),
		fmt.Sprintf("| shops; vectors of a shop, of a record | %d; %d, %d |", MaxShops, maxVectors, maxAllKinds),
		fmt.Sprintf("longer ones: %d points |", finePoints+coarsePoints),
		fmt.Sprintf("| changes of levels, acts, notes, gaps, edges | %d, %d, %d, %d, %d |", maxLevels, maxPeople, maxNotes, maxGaps, maxEdges),
		fmt.Sprintf("| a reason or act; a note; a name | %d; %d; %d bytes |", maxWords, maxNote, maxName),
		fmt.Sprintf("up to %d MiB", MaxJournal>>20),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func FuzzDecodeLine(f *testing.F) {
	for _, record := range records {
		for _, l := range Ledger(record(new(testing.T)), DefaultTargets()) {
			data, err := marshal(l)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := DecodeLine(data)
		if err != nil {
			return
		}
		Totals([]Line{l, l})
		again, err := marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeLine(again); err != nil && len(again) <= maxLine {
			t.Errorf("%v: %s", err, again)
		}
	})
}
