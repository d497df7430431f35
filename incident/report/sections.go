package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// fewLines is up to how many lines each has a table of its own.
const fewLines = 3

// times are the five times of each shop and vector.
func (w *writer) times() plot.Section {
	s := plot.Section{ID: "times", Title: "Times", Text: []string{"Behind each time: how long after the onset. A dash: it did not happen, or was not seen."}}
	if len(w.lines) > fewLines {
		return plot.Section{ID: "times", Title: "Times", Tables: []*plot.Table{w.manyTimes()}, Text: []string{
			"Each time is given as seconds after the onset. A dash: it did not happen, or was not seen.",
		}}
	}
	for _, l := range w.lines {
		v := w.rec.VectorOf(&l)
		t := &plot.Table{Title: upper(w.nameOf(l.Shop)) + ", " + l.Vector, Head: []string{"", "Time", "After"}}
		for _, row := range []struct {
			label string
			at    time.Time
			after *int64
		}{
			{"onset", v.Onset, nil},
			{"detected", v.Detected, l.Detect},
			{"alerted", v.Alerted, l.Alert},
			{"first action", v.Acted, l.Act},
			{"effective", v.Effective, l.Mitigate},
			{lastSign, v.LastHeat, lastedOf(v)},
		} {
			t.Rows = append(t.Rows, []string{row.label, w.moment(row.at), spanOr(row.after, "-")})
		}
		t.Rows = append(t.Rows, []string{"time to mitigate", mitigated(&l, v), spanOr(l.Mitigate, "-")})
		s.Tables = append(s.Tables, t)
	}
	return s
}

// manyTimes has a row for each shop and vector.
func (w *writer) manyTimes() *plot.Table {
	t := &plot.Table{Title: "Times of each shop and vector", Head: []string{"Shop", "Vector", "Onset", "Detected", "Alerted", "First action", "Effective", "Last sign"}}
	for _, l := range w.lines {
		v := w.rec.VectorOf(&l)
		t.Rows = append(t.Rows, []string{
			w.nameOf(l.Shop), l.Vector, w.sameDay(v.Onset), spanOr(l.Detect, "-"), spanOr(l.Alert, "-"), spanOr(l.Act, "-"),
			spanOr(l.Mitigate, "-"), spanBetween(v.Onset, v.LastHeat),
		})
	}
	return t
}

// cost is what customers and shops suffered.
func (w *writer) cost() plot.Section {
	served := &plot.Table{Title: "Customers", Head: []string{"Shop", "Requests", "Served well", "Badly", "Given up", "Harm", "Sick", "Longest wait"}}
	orders := &plot.Table{Title: "Orders", Head: []string{"Shop", "Placed", "Expected"}}
	for _, s := range w.rec.Shops {
		share := "-"
		if served, ok := s.Customers.ServedShare(); ok {
			share = Percent(served)
		}
		harm := 0
		for _, v := range s.Vectors {
			harm = max(harm, v.HarmSeconds)
		}
		name := w.nameOf(s.ID)
		served.Rows = append(served.Rows, []string{
			name, Count(s.Customers.Requests), share, Count(s.Customers.Bad), Count(s.Customers.Lost),
			Span(int64(harm)), Span(int64(s.Health.SickSeconds)), Figure(float64(s.Health.WorstWait)/1000) + " s",
		})
		expected := Figure(s.Orders.Expected)
		if s.Orders.Unknown > 0 {
			expected = "not known"
		}
		orders.Rows = append(orders.Rows, []string{name, Count(s.Orders.Placed), expected})
	}
	return plot.Section{
		ID: "cost", Title: "What it cost", Tables: []*plot.Table{served, orders},
		Text: []string{"Customers are visitors whose browsers were seen before the attack, or have solved a challenge. " +
			"Given up counts clients that closed the connection before the answer, attackers' too."},
	}
}

// done is what controls, watch and people did.
func (w *writer) done() plot.Section {
	s := plot.Section{ID: "done", Title: "What was done"}
	stopped := &plot.Table{Title: "Stopped by control", Head: []string{"Shop"}}
	var used []watch.Control
	for c := range watch.Controls {
		for _, sh := range w.rec.Shops {
			if sh.Stopped[c] > 0 {
				used = append(used, watch.Control(c))
				stopped.Head = append(stopped.Head, upper(controlTerms[c].Name))
				break
			}
		}
	}
	asked := &plot.Table{Title: "Challenges", Head: []string{"Shop", "Sent", "Solved"}}
	for _, sh := range w.rec.Shops {
		row := []string{w.nameOf(sh.ID)}
		for _, c := range used {
			row = append(row, Count(sh.Stopped[c]))
		}
		stopped.Rows = append(stopped.Rows, row)
		if sh.Customers.Asked > 0 {
			asked.Rows = append(asked.Rows, []string{w.nameOf(sh.ID), Count(sh.Customers.Asked), Count(sh.Customers.CameBack)})
		}
	}
	if len(used) == 0 {
		s.Text = []string{"No control stopped anything."}
	} else {
		s.Tables = append(s.Tables, stopped)
	}
	if len(asked.Rows) > 0 {
		s.Tables = append(s.Tables, asked)
	}
	if len(w.rec.Levels) > 0 {
		t := &plot.Table{Title: "Changes of the level", Head: []string{"Time", "Shop", "Level", "By", "Why"}, Words: true}
		for _, l := range w.rec.Levels {
			t.Rows = append(t.Rows, []string{w.sameDay(l.At), w.nameOf(l.Shop), fmt.Sprintf("%d → %d %s", l.From, l.To, levelName(l.To)), l.By, l.Why})
		}
		s.Tables = append(s.Tables, t)
	}
	if len(w.rec.People) > 0 {
		s.Tables = append(s.Tables, w.acts("Acts of operators", "Act", w.rec.People))
	}
	return s
}

func levelName(n int) string {
	_, name, _ := strings.Cut(shop.Level(n).String(), " ")
	return name
}

func (w *writer) acts(title, head string, acts []incident.Act) *plot.Table {
	t := &plot.Table{Title: title, Head: []string{"Time", "Operator", head}, Words: true}
	for _, a := range acts {
		t.Rows = append(t.Rows, []string{w.sameDay(a.At), a.Who, a.Text})
	}
	return t
}

// sources is from how many clients it came.
func (w *writer) sources() plot.Section {
	t := &plot.Table{
		Title: "Volume and sources", Words: true,
		Head: []string{"Shop", "Vector", "At most a second", "In all", "Clients", "Subnets with the largest shares"},
	}
	for _, s := range w.rec.Shops {
		for _, v := range s.Vectors {
			clients, nets := "not counted", make([]string, len(v.Nets))
			if v.Sources > 0 {
				clients = "about " + Count(v.Sources)
			}
			for i, n := range v.Nets {
				nets[i] = n.Net + " " + Percent(n.Share)
			}
			if len(nets) == 0 {
				nets = []string{"-"}
			}
			t.Rows = append(t.Rows, []string{w.nameOf(s.ID), v.Vector, Count(v.Peak), Count(v.Arrived), clients, strings.Join(nets, ", ")})
		}
	}
	return plot.Section{
		ID: "sources", Title: "Where it came from", Tables: []*plot.Table{t},
		Text: []string{"Records hold no addresses. A subnet is named by a keyed hash, which only the operator of the tier can compare with an " +
			"address, and only on the same day (UTC)."},
	}
}

// agreed compares with the targets.
func (w *writer) agreed() plot.Section {
	t := &plot.Table{Title: "Targets", Head: []string{"Shop", "Vector", "Detect within", "Detected after", "Mitigate within", "Mitigated after", "Result", "Beyond it", "Served well since"}}
	for _, l := range w.lines {
		share := "-"
		if l.Consistency != nil {
			share = Percent(*l.Consistency)
		}
		none := "-"
		if l.Result == incident.NotMeasurable {
			none = string(incident.NotMeasurable)
		}
		t.Rows = append(t.Rows, []string{
			w.nameOf(l.Shop), l.Vector, Span(l.TargetDetect), spanOr(l.Detect, "-"), Span(l.TargetMitigate),
			spanOr(l.Mitigate, none), string(l.Result), Span(l.Breach), share,
		})
	}
	return plot.Section{ID: "agreed", Title: "What was agreed", Tables: []*plot.Table{t}}
}

// unknown is what could not be measured, and why.
func (w *writer) unknown() plot.Section {
	s := plot.Section{ID: "unknown", Title: "What could not be measured"}
	for _, l := range w.lines {
		if w.rec.VectorOf(&l).Judged == 0 && l.Result != incident.StillOpen {
			s.Text = append(s.Text, fmt.Sprintf("%s, %s: whether and when it was effective. Fewer than ten requests of customers came within a minute.", w.nameOf(l.Shop), l.Vector))
		}
	}
	for _, sh := range w.rec.Shops {
		if n := sh.Orders.Unknown; n > 0 {
			s.Text = append(s.Text, fmt.Sprintf("%s: how many orders are usual, for %s. The shop is not known well enough yet, or the edge that led had just started.", w.nameOf(sh.ID), Span(int64(n))))
		}
	}
	for _, g := range w.rec.Gaps {
		s.Text = append(s.Text, fmt.Sprintf("Everything from %s on, for %s: %s.", w.clock(g.From), Span(int64(g.Seconds())), g.Why))
	}
	if w.rec.Onset.UTC().Format(time.DateOnly) != w.rec.Until.UTC().Format(time.DateOnly) {
		s.Text = append(s.Text, "Clients before and after midnight UTC cannot be compared, since their keys change then: clients may have been counted twice.")
	}
	if n := w.rec.LeftOut; n > 0 {
		s.Text = append(s.Text, fmt.Sprintf("%s left out, for which there was no room in the record.", plural(int64(n), "entry was", "entries were")))
	}
	if s.Text == nil {
		s.Text = []string{"Nothing is missing."}
	}
	return s
}

func (w *writer) notes() plot.Section {
	if len(w.rec.Notes) == 0 {
		return plot.Section{}
	}
	return plot.Section{ID: "notes", Title: "Notes", Tables: []*plot.Table{w.acts("Notes of operators", "Note", w.rec.Notes)}}
}

// terms explains what the report uses.
func (w *writer) terms() plot.Section {
	s := plot.Section{ID: "terms", Title: "Terms", Terms: reportTerms}
	known := map[string]bool{}
	var used incident.Stopped
	for _, sh := range w.rec.Shops {
		for _, v := range sh.Vectors {
			if !known[v.Vector] {
				known[v.Vector] = true
				s.Terms = append(s.Terms[:len(s.Terms):len(s.Terms)], plot.Term{Name: v.Vector, Meaning: meaningOf(v.Vector)})
			}
		}
		for c, n := range sh.Stopped {
			used[c] += n
		}
	}
	for c, n := range used {
		if n > 0 {
			s.Terms = append(s.Terms, controlTerms[c])
		}
	}
	for l := range shop.Levels {
		if l > 0 {
			s.Terms = append(s.Terms, plot.Term{Name: "level " + strconv.Itoa(l), Meaning: levelTerms[l]})
		}
	}
	return s
}

var levelTerms = [shop.Levels]string{
	shop.Raised: "suspicious clients are challenged",
	shop.Attack: "unknown visitors are challenged on pages that cost the shop something",
	shop.Heavy:  "all but partners are challenged",
	shop.Siege:  "the same, at a higher price",
}
