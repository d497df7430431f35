package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/plot"
)

// HTML writes one page that holds everything it shows.
func (r *Report) HTML(to io.Writer) error {
	if err := r.document().HTML(to); err != nil {
		return fmt.Errorf("writing the report as HTML: %w", err)
	}
	return nil
}

// Markdown writes the same as text, with tables in place of plots.
func (r *Report) Markdown(to io.Writer) error {
	if err := r.document().Markdown(to); err != nil {
		return fmt.Errorf("writing the report as Markdown: %w", err)
	}
	return nil
}

func (r *Report) document() *plot.Document {
	made := r.At.UTC().Format("2006-01-02 15:04:05 UTC")
	d := &plot.Document{Title: "Drill " + r.Scenario.Name, Subject: made, Made: made, Lead: r.lead(), Figures: r.figures()}
	d.State, d.Settled = r.state()
	d.Add(r.targets(), r.side(), r.course(), r.waves(), r.shops(), r.cost(), r.method())
	return d
}

// run is that in a world; nil if there was none.
func (r *Report) run(world string) *record.Run {
	for _, run := range r.Runs {
		if run.World == world {
			return run
		}
	}
	return nil
}

// main is the run that the report is about: the shield's, or the last one.
func (r *Report) main() *record.Run {
	if run := r.run("shield"); run != nil {
		return run
	}
	return r.Runs[len(r.Runs)-1]
}

func (r *Report) state() (text string, met bool) {
	run := r.run("shield")
	switch {
	case run == nil:
		return "no shield was drilled", false
	case len(run.Verdicts) == 0:
		return "no targets", true
	}
	missed := 0
	for _, v := range run.Verdicts {
		if !v.Met {
			missed++
		}
	}
	if missed > 0 {
		return fmt.Sprintf("%d of %d targets missed", missed, len(run.Verdicts)), false
	}
	return "all targets met", true
}

func (r *Report) lead() []string {
	s := r.Scenario
	first := fmt.Sprintf("%s: %s and %s at %s within %s, seed %d. Each world is the same schedule on fresh processes.",
		strings.ToUpper(s.About[:min(1, len(s.About))])+s.About[min(1, len(s.About)):], plural(len(s.Schedule().Pulses), "wave"), plural(len(s.Schedule().Visits), "customer"), plural(len(s.Shops), "shop"), s.For, s.Seed)
	lead := []string{strings.TrimPrefix(first, ": ")}
	for _, run := range r.Runs {
		for _, warning := range generatorWarnings(run) {
			lead = append(lead, "Limits of the drill, "+run.World+": "+warning+".")
		}
	}
	return lead
}

// figures are those of the main run.
func (r *Report) figures() []plot.KeyFigure {
	run := r.main()
	t, o := totalOf(run), ordersOf(run)
	all := []plot.KeyFigure{
		{Label: "Pages answered well", Value: whole(t.Good, t.Pages), Note: fmt.Sprintf("%d pages that customers wanted, %s", t.Pages, run.World)},
		{Label: "Orders", Value: fmt.Sprintf("%d of %d", o.Placed, o.Wanted), Note: fmt.Sprintf("%d lost, %d doubled", o.Lost, o.Doubled)},
	}
	if len(run.Waves) > 0 {
		all = append(all,
			plot.KeyFigure{
				Label: "Stopped", Value: whole(t.Stopped(), t.Sent()),
				Note: fmt.Sprintf("of %s requests of attacks", plot.Figure(float64(t.Sent()))),
			},
			plot.KeyFigure{
				Label: "Effective, worst wave", Value: worst(run, func(w *record.Wave) *int { return w.Effective }),
				Note: "after its begin",
			})
	}
	return all
}

// targets are what the shield had to reach.
func (r *Report) targets() plot.Section {
	run := r.run("shield")
	if run == nil || len(run.Verdicts) == 0 {
		return plot.Section{}
	}
	tab := &plot.Table{Title: "Targets of the scenario", Head: []string{"Target", "Result", "Wanted", "Got"}, Words: true}
	for _, v := range run.Verdicts {
		result := "missed"
		switch {
		case v.Met:
			result = "met"
		case v.Unmeasured:
			result = "not measured"
		}
		tab.Rows = append(tab.Rows, []string{v.Target, result, v.Want, v.Got})
	}
	return plot.Section{ID: "targets", Title: "Targets", Tables: []*plot.Table{tab}}
}

// side compares the worlds.
func (r *Report) side() plot.Section {
	tab := &plot.Table{Title: "What customers and attackers saw", Head: append([]string{""}, r.worlds()...)}
	for _, row := range r.compare() {
		tab.Rows = append(tab.Rows, append([]string{row.label}, row.cells...))
	}
	s := plot.Section{ID: "worlds", Title: "Side by side", Tables: []*plot.Table{tab}}
	for _, run := range r.Runs {
		for _, note := range run.Notes {
			s.Text = append(s.Text, strings.ToUpper(run.World[:1])+run.World[1:]+": "+note)
		}
	}
	return s
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }
