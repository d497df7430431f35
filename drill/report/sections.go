package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/plot"
)

// waves has a table for each world.
func (r *Report) waves() plot.Section {
	s := plot.Section{ID: "waves", Title: "Waves", Text: []string{
		"Times are seconds after the beginning of the wave. Detected: an edge reported level 2 or more, or controls stopped more than 100 requests a second. " +
			"Acted: at least half of the requests were stopped. Effective: the first second of ten in which at least 95 % of the pages that customers wanted were good; 0 if they never fell below.",
	}}
	for _, run := range r.Runs {
		if len(run.Waves) == 0 {
			continue
		}
		tab := &plot.Table{
			Title: "Waves, " + run.World, Words: true,
			Head: []string{"Wave", "Shop", "At", "Vector", "Sources", "Due", "Sent", "Served", "Stopped", "Failed", "Detected", "Acted", "Effective", "Note"},
		}
		for _, w := range run.Waves {
			stopped := w.Got[record.Limited] + w.Got[record.Challenged] + w.Got[record.Forbidden]
			tab.Rows = append(tab.Rows, []string{
				w.Name, w.Shop, seconds(w.At), w.Vector, fmt.Sprint(w.From), fmt.Sprint(w.Due), fmt.Sprint(w.Sent), fmt.Sprint(w.Got[record.Served]),
				fmt.Sprint(stopped), fmt.Sprint(w.Got[record.Failed] + w.Got[record.Unanswered]), timeOf(w.Detected), timeOf(w.Acted), timeOf(w.Effective), w.Note,
			})
		}
		s.Tables = append(s.Tables, tab)
		if run.World == "shield" {
			s.Tables = append(s.Tables, incidents(run))
		}
	}
	if s.Tables == nil {
		return plot.Section{}
	}
	return s
}

func timeOf(v *int) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%d s", *v)
}

// incidents compares what the shield says of itself with the begin of the wave that it
// belongs to: the last one at the shop that began before it was detected.
func incidents(run *record.Run) *plot.Table {
	tab := &plot.Table{Title: "What the shield says itself", Head: []string{"Incident", "Shop", "Vector", "Onset", "Error", "Detected", "Effective"}}
	for _, i := range run.Incidents {
		row := []string{i.ID, i.Shop, i.Vector, atOf(i.Onset), "-", atOf(i.Detected), atOf(i.Effective)}
		var begin *float64
		for _, w := range run.Waves {
			if at := w.At.Seconds(); w.Shop == i.Shop && i.Detected != nil && at <= *i.Detected {
				begin = &at
			}
		}
		if begin != nil && i.Onset != nil {
			row[4] = fmt.Sprintf("%+.1f s", *i.Onset-*begin)
		}
		tab.Rows = append(tab.Rows, row)
	}
	return tab
}

func atOf(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f s", *v)
}

// shops has a table for each world, and what broke visits off.
func (r *Report) shops() plot.Section {
	s := plot.Section{ID: "shops", Title: "Shops"}
	for _, run := range r.Runs {
		tab := &plot.Table{
			Title: "Customers by shop, " + run.World, Words: true,
			Head: []string{"Shop", "Pages", "Good", "Refused", "p50", "p95", "p99", "Pictures broken", "Visits", "Challenged", "Solving p50", "Orders wanted", "Placed", "Lost", "Doubled", "What ended visits"},
		}
		for _, p := range run.Shops {
			var t record.Second
			for i := range p.Seconds {
				t.Add(&p.Seconds[i])
			}
			o := p.Orders
			tab.Rows = append(tab.Rows, []string{
				p.Name, fmt.Sprint(t.Pages), whole(t.Good, t.Pages), fmt.Sprint(t.Refused), ms(p.Latency.P50), ms(p.Latency.P95), ms(p.Latency.P99),
				fmt.Sprintf("%d of %d", t.Broken, t.Pictures), fmt.Sprint(p.Visits.Begun), fmt.Sprint(p.Visits.Challenged), ms(p.Solving.P50),
				fmt.Sprint(o.Wanted), fmt.Sprint(o.Placed), fmt.Sprint(o.Lost), fmt.Sprint(o.Doubled), endsOf(p.Visits.BrokenOff),
			})
		}
		s.Tables = append(s.Tables, tab)
	}
	return s
}

// endsOf lists what broke visits off, the most frequent first.
func endsOf(broken map[string]int) string {
	names := slices.Sorted(maps.Keys(broken))
	slices.SortStableFunc(names, func(a, b string) int { return broken[b] - broken[a] })
	var texts []string
	for _, name := range names[:min(len(names), 3)] {
		texts = append(texts, fmt.Sprintf("%d × %s", broken[name], name))
	}
	if len(names) > 3 {
		texts = append(texts, "others")
	}
	return strings.Join(texts, ", ")
}

// cost is the CPU time by process.
func (r *Report) cost() plot.Section {
	s := plot.Section{ID: "cost", Title: "CPU time"}
	for _, run := range r.Runs {
		tab := &plot.Table{Title: "CPU time by process, " + run.World, Head: []string{"Process", "CPU time", "Of one core"}}
		for _, p := range run.Processes {
			tab.Rows = append(tab.Rows, []string{p.Name, fmt.Sprintf("%.1f s", p.CPU.Seconds()), fmt.Sprintf("%.0f %%", 100*p.CPU.Seconds()/run.Length.Seconds())})
		}
		s.Tables = append(s.Tables, tab)
	}
	return s
}

// method says how it was measured.
func (r *Report) method() plot.Section {
	apart := "Attackers and customers ran on the same processors as what they visited."
	if g := r.main().Generator; g.Apart {
		apart = fmt.Sprintf("Attackers and customers ran on %d processors, and what they visited on %d others.", g.Cores, g.TargetCores)
	}
	return plot.Section{ID: "method", Title: "How it was measured", Text: []string{
		apart,
		"Customers arrive by a Poisson process that waits for nobody, so a slow shop does not get fewer customers. A page belongs to the second in which it was due, and its time counts from there, with every challenge that had to be solved; so waiting is not omitted when a shop stops answering. A customer tries a page three times and then leaves. An answer that takes longer than 5 s is none.",
		"Attacks keep their schedule as well: what could not be sent in time, because every source was waiting for an answer, is missed and not sent later. Orders are compared with those that each shop says it has.",
	}}
}
