package report

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
	"github.com/theriac-edge/theriac/watch"
)

// maxRows is how many rows the table of a plot has at most.
const maxRows = 12

// plots draws the four of a report.
func (w *writer) plots() []*plot.Plot {
	t := w.line
	all := []*plot.Plot{w.plotArrived(), w.plotCustomers(), w.plotLevel(), w.plotStopped()}
	x := w.x()
	for _, p := range all {
		p.X, p.Axis = x.Times(t.from, t.seconds, w.zone), "UTC"
		p.Marks, p.Bands = w.marks(x), w.bands(x)
		if w.zone != time.UTC {
			p.Zone = t.from.In(w.zone).Format("MST")
		}
	}
	return all
}

func (w *writer) x() plot.Scale { return plot.X(w.line.seconds) }

// middle is where a step's value is drawn.
func (t *timeline) middle(i int) float64 {
	return float64(i*t.step) + float64(min(t.step, t.seconds-i*t.step))/2
}

func (t *timeline) beginning(i int) float64 { return float64(i * t.step) }

func (w *writer) plotArrived() *plot.Plot {
	t := w.line
	arrived := t.rates(t.arrived)
	highest, when := highestOf(arrived)
	y := plot.Y(plot.Ceiling(highest))
	zero := make([]float64, len(arrived))
	p := &plot.Plot{
		ID: "arrived", Title: "What came", Unit: "a second", Y: y.Values(4, ""),
		Curves: []plot.Curve{plot.Filled("attack", w.arrivals(), plot.Area(w.x(), y, t.middle, zero, arrived))},
		Desc:   fmt.Sprintf("%s rose to %s a second at %s.", upper(w.arrivals()), Figure(highest), w.clock(t.at(when))),
		Table:  w.sampled("What came, a second", []string{upper(w.arrivals())}, func(from, to int) []string { return []string{t.mean(t.arrived, from, to)} }),
	}
	if !w.rec.IsTier() {
		through := t.rates(t.through)
		most, _ := highestOf(through)
		p.Curves = append(p.Curves, plot.Line("through", "requests that reached the shop", plot.Path(w.x(), y, t.middle, through)))
		p.Desc += fmt.Sprintf(" At most %s a second reached the shop.", Figure(most))
		p.Table = w.sampled("What came, a second", []string{upper(w.arrivals()), "Reached the shop"}, func(from, to int) []string {
			return []string{t.mean(t.arrived, from, to), t.mean(t.through, from, to)}
		})
	}
	return p
}

func highestOf(values []float64) (highest float64, at int) {
	for i, v := range values {
		if v > highest {
			highest, at = v, i
		}
	}
	return highest, at
}

func (w *writer) plotCustomers() *plot.Plot {
	t := w.line
	shares, y := t.shares(), plot.Y(100)
	lowest, when, some := 100.0, 0, false
	for i, s := range shares {
		if s >= 0 {
			some = true
			if s < lowest {
				lowest, when = s, i
			}
		}
	}
	desc := "No customer was there whose requests could be counted."
	switch {
	case some && lowest == 100:
		desc = "All requests of customers were served well."
	case some:
		desc = fmt.Sprintf("At worst, %s %% of the requests of customers were served well, around %s.", Figure(lowest), w.clock(t.at(when)))
	}
	return &plot.Plot{
		ID: "customers", Title: "How customers were served", Unit: "% of their requests served well, over 10 s", Desc: desc,
		Y:      y.Values(4, " %"),
		Limit:  plot.Coordinate(y.Of(100 * incident.WellServed)),
		Curves: []plot.Curve{plot.Line("customers", "served well", plot.Path(w.x(), y, t.middle, shares))},

		LimitLabel: fmt.Sprintf("%.0f %%", 100*incident.WellServed),
		Table: w.sampled("Requests of customers", []string{"Requests", "Served well"}, func(from, to int) []string {
			var customers, served float64
			for i := from; i < to; i++ {
				customers += t.customers[i]
				served += t.served[i]
			}
			if customers < 0.5 {
				return []string{"0", "-"}
			}
			return []string{Figure(customers), Figure(100*served/customers) + " %"}
		}),
	}
}

func (w *writer) plotLevel() *plot.Plot {
	t, y := w.line, plot.Y(4)
	top := int64(0)
	for _, l := range t.level {
		top = max(top, l)
	}
	whose := "the shop's level"
	if len(w.rec.Shops) > 1 {
		whose = "the highest level of the shops"
	}
	return &plot.Plot{
		ID: "level", Title: "The level", Unit: "0 calm to 4 siege", Y: y.Values(4, ""),
		Desc:   fmt.Sprintf("%s was %d at most.", upper(whose), top),
		Curves: []plot.Curve{plot.Line("level", whose, plot.Stairs(w.x(), y, t.beginning, t.level))},
		Table: w.sampled("The level", []string{"Level"}, func(from, to int) []string {
			highest := int64(0)
			for _, l := range t.level[from:to] {
				highest = max(highest, l)
			}
			return []string{fmt.Sprint(highest)}
		}),
	}
}

func (w *writer) plotStopped() *plot.Plot {
	t := w.line
	total := make([]float64, len(t.level))
	var used []watch.Control
	for c, column := range t.stopped {
		if column == nil {
			continue
		}
		used = append(used, watch.Control(c))
		for i, rate := range t.rates(column) {
			total[i] += max(0, rate)
		}
	}
	highest, when := highestOf(total)
	y := plot.Y(plot.Ceiling(highest))
	p := &plot.Plot{
		ID: "stopped", Title: "What was stopped", Unit: "a second, by control", Y: y.Values(4, ""),
		Desc: "No control stopped anything.",
	}
	if highest > 0 {
		p.Desc = fmt.Sprintf("All controls together stopped at most %s a second, at %s.", Figure(highest), w.clock(t.at(when)))
	}
	below := make([]float64, len(t.level))
	var heads []string
	for _, c := range used {
		above := t.rates(t.stopped[c])
		for i := range above {
			if above[i] >= 0 {
				above[i] += max(0, below[i])
			}
		}
		p.Curves = append(p.Curves, plot.Filled(c.String(), controlTerms[c].Name, plot.Area(w.x(), y, t.middle, below, above)))
		heads = append(heads, upper(controlTerms[c].Name))
		below = above
	}
	p.Table = w.sampled("Stopped, a second", heads, func(from, to int) (cells []string) {
		for _, c := range used {
			cells = append(cells, t.mean(t.stopped[c], from, to))
		}
		return cells
	})
	return p
}

// mean is the rate over some steps.
func (t *timeline) mean(sums []float64, from, to int) string {
	sum, seconds := 0.0, 0.0
	for i := from; i < to; i++ {
		sum += sums[i]
		seconds += t.length(i)
	}
	if seconds == 0 {
		return "-"
	}
	return Figure(sum / seconds)
}

// sampled makes the table of a plot.
func (w *writer) sampled(title string, heads []string, cells func(from, to int) []string) *plot.Table {
	t := w.line
	size := t.rowsOf(maxRows)
	tab := &plot.Table{Title: title, Head: append([]string{"From"}, heads...)}
	for from := 0; from < len(t.level); from += size {
		to := min(from+size, len(t.level))
		tab.Rows = append(tab.Rows, append([]string{w.clock(t.at(from))}, cells(from, to)...))
	}
	return tab
}
