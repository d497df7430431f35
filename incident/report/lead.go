package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
)

// lead says in a few sentences what happened.
func (w *writer) lead() (text []string) {
	first := w.firsts()
	var vectors []string
	var peak, arrived, sources int64
	for _, s := range w.rec.Shops {
		for _, v := range s.Vectors {
			if !slices.Contains(vectors, v.Vector) {
				vectors = append(vectors, v.Vector)
			}
			peak, arrived, sources = max(peak, v.Peak), arrived+v.Arrived, max(sources, v.Sources)
		}
	}
	what := "packets and connections"
	if !w.rec.IsTier() {
		what = "requests"
	}
	began := fmt.Sprintf("On %s, an attack on %s began at %s: %s, at most %s %s a second, %s in all",
		first.Onset.UTC().Format("2 January 2006"), w.whom(), w.clock(first.Onset), strings.Join(vectors, ", "), Count(peak), what, Count(arrived))
	if sources > 0 {
		began += fmt.Sprintf(", from about %s", plural(sources, "client", "clients"))
	}
	text = append(text, began+".")
	last := fmt.Sprintf("It was last seen at %s, %s later.", w.clock(first.LastHeat), spanBetween(first.Onset, first.LastHeat))
	if w.rec.Closed.IsZero() {
		last = fmt.Sprintf("The incident is still open: this report covers it until %s.", w.clock(w.rec.Until))
	}
	return append(text, last+" "+w.outcome())
}

func (w *writer) whom() string {
	switch n := len(w.rec.Shops); {
	case w.rec.IsTier():
		return "the network of all shops"
	case n == 1:
		return w.nameOf(w.rec.Shops[0].ID)
	default:
		return fmt.Sprintf("%d shops", n)
	}
}

// outcome says how customers fared.
func (w *writer) outcome() string {
	all, _ := w.customers()
	share, ok := all.ServedShare()
	switch {
	case !ok:
		return "No customer came meanwhile."
	case all.Bad == 0:
		return fmt.Sprintf("%s of customers came meanwhile, and all were served well.", plural(all.Requests, "request", "requests"))
	}
	return fmt.Sprintf("Of %s of customers, %s were served well and %s badly.",
		plural(all.Requests, "request", "requests"), Percent(share), Count(all.Bad))
}

// customers sums up those of all shops, and the orders.
func (w *writer) customers() (all incident.Customers, orders incident.Orders) {
	for _, s := range w.rec.Shops {
		c := &s.Customers
		all.Requests += c.Requests
		all.Bad += c.Bad
		all.Asked += c.Asked
		all.CameBack += c.CameBack
		all.Lost += c.Lost
		orders.Placed += s.Orders.Placed
		orders.Expected += s.Orders.Expected
		orders.Unknown += s.Orders.Unknown
	}
	return all, orders
}

// figures are the four at the top.
func (w *writer) figures() []plot.KeyFigure {
	first := w.firsts()
	detected := plot.KeyFigure{Label: "detected after", Value: spanBetween(first.Onset, first.Detected), Note: "no alert was accepted"}
	if !first.Alerted.IsZero() {
		detected.Note = "alert accepted after " + spanBetween(first.Onset, first.Alerted)
	}
	all, orders := w.customers()
	served := plot.KeyFigure{Label: "customers served well", Value: "-", Note: "none came"}
	if share, ok := all.ServedShare(); ok {
		served.Value, served.Note = Percent(share), fmt.Sprintf("of %s", plural(all.Requests, "request", "requests"))
	}
	placed := plot.KeyFigure{Label: "orders placed", Value: Count(orders.Placed), Note: fmt.Sprintf("%s expected", Figure(orders.Expected))}
	if orders.Unknown > 0 {
		placed.Note = "not known how many are usual"
	}
	return []plot.KeyFigure{detected, w.mitigation(), served, placed}
}

// mitigation is the longest time to mitigate of all lines, and what is behind it.
func (w *writer) mitigation() plot.KeyFigure {
	f := plot.KeyFigure{Label: "time to mitigate", Value: "not measurable", Note: "too few customers"}
	if w.rec.Closed.IsZero() {
		f.Value, f.Note = "not known yet", "too few customers so far"
	}
	longest := int64(-1)
	for _, l := range w.lines {
		switch {
		case l.Mitigate == nil && w.rec.VectorOf(&l).Judged > 0 && w.rec.Closed.IsZero():
			return plot.KeyFigure{Label: f.Label, Value: "not yet", Note: "customers are not served well yet"}
		case l.Mitigate == nil && w.rec.VectorOf(&l).Judged > 0:
			return plot.KeyFigure{Label: f.Label, Value: "not reached", Note: "customers were not served well again"}
		case l.Mitigate != nil && *l.Mitigate > longest:
			longest = *l.Mitigate
			f.Value, f.Note = Span(longest), "until customers were served well again"
		}
	}
	if longest == 0 {
		f.Note = "customers never fell below 95 %"
	}
	return f
}
