// Package report writes what a drill showed: while it runs, as a summary in the
// terminal, and afterwards as JSON, Markdown, or one HTML page with plots.
//
// The page holds no script and nothing to fetch. Figures that could not be measured
// are a dash with the reason, never a good value.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// Report is what is written about a drill: one run for each world.
type Report struct {
	Scenario *scenario.Scenario
	Runs     []*record.Run
	At       time.Time // when the drill was run
}

// A row compares one figure in all worlds.
type row struct {
	label string
	cells []string
}

// JSON writes all that was recorded.
func (r *Report) JSON(to io.Writer) error {
	out := json.NewEncoder(to)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	err := out.Encode(struct {
		Version  int           `json:"v"`
		Scenario string        `json:"scenario"`
		Seed     uint64        `json:"seed"`
		At       time.Time     `json:"at"`
		Runs     []*record.Run `json:"runs"`
	}{1, r.Scenario.Name, r.Scenario.Seed, r.At.UTC(), r.Runs})
	if err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	return nil
}

// Summary writes the table of the worlds, side by side.
func (r *Report) Summary(to io.Writer) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\n\t%s\n", strings.Join(r.worlds(), "\t"))
	for _, row := range r.compare() {
		fmt.Fprintf(out, "%s\t%s\n", row.label, strings.Join(row.cells, "\t"))
	}
	for _, run := range r.Runs {
		for _, warning := range generatorWarnings(run) {
			fmt.Fprintf(out, "%s: %s\n", run.World, warning)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	return nil
}

func (r *Report) worlds() (names []string) {
	for _, run := range r.Runs {
		names = append(names, run.World)
	}
	return names
}

// compare makes the rows of the comparison.
func (r *Report) compare() (rows []row) {
	add := func(label string, of func(*record.Run) string) {
		one := row{label: label}
		for _, run := range r.Runs {
			one.cells = append(one.cells, of(run))
		}
		rows = append(rows, one)
	}
	add("customers' pages answered well", func(run *record.Run) string {
		t := totalOf(run)
		return fmt.Sprintf("%s of %d", whole(t.Good, t.Pages), t.Pages)
	})
	add("latency p50, p95, p99", latencies)
	add("visits that ended as wanted", func(run *record.Run) string {
		begun, ended := 0, 0
		for _, s := range run.Shops {
			begun, ended = begun+s.Visits.Begun, ended+s.Visits.Ended
		}
		return fmt.Sprintf("%s of %d", whole(ended, begun), begun)
	})
	add("orders wanted, placed", func(run *record.Run) string {
		o := ordersOf(run)
		return fmt.Sprintf("%d, %d", o.Wanted, o.Placed)
	})
	add("orders lost, doubled", func(run *record.Run) string {
		o := ordersOf(run)
		return fmt.Sprintf("%d, %d", o.Lost, o.Doubled)
	})
	add("pages refused by an edge", func(run *record.Run) string { return fmt.Sprint(totalOf(run).Refused) })
	add("customers challenged, known ones", func(run *record.Run) string {
		all, known := 0, 0
		for _, s := range run.Shops {
			all, known = all+s.Visits.Challenged, known+s.Visits.ChallengedKnown
		}
		return fmt.Sprintf("%d, %d", all, known)
	})
	add("highest level, incidents", func(run *record.Run) string {
		top := -1
		for _, s := range run.Shops {
			top = max(top, s.Top())
		}
		if top < 0 {
			return "-"
		}
		return fmt.Sprintf("%d, %d", top, run.IncidentCount())
	})
	if slices.ContainsFunc(r.Runs, func(run *record.Run) bool { return run.Campaign != nil }) {
		add("campaign: all shops at level 1 or above", func(run *record.Run) string {
			if run.Campaign == nil {
				return "-"
			}
			return fmt.Sprintf("for %.0f h", run.Campaign.Posture.Hours())
		})
	}
	if len(r.Scenario.Waves) > 0 {
		add("requests of attacks", func(run *record.Run) string { t := totalOf(run); return fmt.Sprint(t.Sent()) })
		add("of these stopped", func(run *record.Run) string {
			t := totalOf(run)
			return whole(t.Stopped(), t.Sent())
		})
		add("detected, worst wave", func(run *record.Run) string { return worst(run, func(w *record.Wave) *int { return w.Detected }) })
		add("effective, worst wave", func(run *record.Run) string { return worst(run, func(w *record.Wave) *int { return w.Effective }) })
	}
	return rows
}

func totalOf(run *record.Run) (sum record.Second) {
	for _, s := range run.Shops {
		for i := range s.Seconds {
			sum.Add(&s.Seconds[i])
		}
	}
	return sum
}

func ordersOf(run *record.Run) (sum record.Orders) {
	for _, s := range run.Shops {
		o := s.Orders
		sum.Wanted, sum.Submitted, sum.Placed = sum.Wanted+o.Wanted, sum.Submitted+o.Submitted, sum.Placed+o.Placed
		sum.Lost, sum.Doubled = sum.Lost+o.Lost, sum.Doubled+o.Doubled
	}
	return sum
}

// latencies are those of the worst shop.
func latencies(run *record.Run) string {
	worst := slices.MaxFunc(run.Shops, func(a, b *record.Shop) int { return int(a.Latency.P99 - b.Latency.P99) })
	l := worst.Latency
	return fmt.Sprintf("%s, %s, %s", ms(l.P50), ms(l.P95), ms(l.P99))
}

func ms(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.1f s", v/1000)
	}
	return fmt.Sprintf("%.0f ms", v)
}

// worst is the latest of a time of the waves; it names how many have none.
func worst(run *record.Run, of func(*record.Wave) *int) string {
	most, without := -1, 0
	for _, w := range run.Waves {
		if at := of(w); at == nil {
			without++
		} else {
			most = max(most, *at)
		}
	}
	switch {
	case most < 0:
		return "never"
	case without > 0:
		return fmt.Sprintf("%d s; never in %d of %d", most, without, len(run.Waves))
	}
	return fmt.Sprintf("%d s", most)
}

// generatorWarnings say where the drill itself was the limit.
func generatorWarnings(run *record.Run) (all []string) {
	g := run.Generator
	if !g.Apart {
		all = append(all, "attackers and customers shared the processors with what they visited, so the figures are worse than the target deserves")
	}
	if n := len(g.LateSeconds); n > 0 {
		all = append(all, fmt.Sprintf("in %d of %d seconds the generator was the limit: it had no time to send when it should, by %s at worst", n, int(run.Length/time.Second), g.WorstLate))
	}
	if g.Busy > 0 {
		all = append(all, fmt.Sprintf("%d customers were turned away by the generator, which had too many at the same time", g.Busy))
	}
	if g.Queued > time.Second {
		all = append(all, fmt.Sprintf("customers waited up to %s until the generator began to solve their challenges, which are dear at high levels; that is in no latency", g.Queued.Round(100*time.Millisecond)))
	}
	due, missed := 0, 0
	for _, w := range run.Waves {
		due, missed = due+w.Due, missed+w.Missed
	}
	if missed*20 > due {
		why := "all sources were waiting for answers"
		if len(g.LateSeconds) > 0 {
			why += ", or the generator was late"
		}
		all = append(all, fmt.Sprintf("%d of %d requests of attacks were not sent: %s", missed, due, why))
	}
	return all
}
