package incidents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/incident/report"
	"github.com/theriac-edge/theriac/shop"
)

// severities are how urgent the kinds are; from level 3 on, what is open is critical.
var severities = map[alert.Kind]alert.Severity{
	alert.Opened: alert.Error, alert.Escalated: alert.Critical, alert.Effective: alert.Warning,
	alert.MissedTarget: alert.Error, alert.Over: alert.Info,
}

// event is an alert of an incident. more tells several of one kind apart.
func (k *Keeper) event(kind alert.Kind, rec *incident.Record, more, words string) alert.Event {
	e := alert.Event{
		ID: rec.ID + "/" + kind.String() + more, Incident: rec.ID, Kind: kind, Severity: severities[kind],
		Level: levelOf(rec), Words: words, At: rec.Until, Starts: rec.Onset, Details: details(rec),
	}
	if kind == alert.Opened || kind == alert.Escalated {
		e.Level = max(topOf(rec), shop.Attack)
	}
	if kind != alert.Over && kind != alert.Effective && e.Level >= shop.Heavy {
		e.Severity = alert.Critical
	}
	if kind == alert.Over {
		e.Ends = rec.Onset
		for _, l := range allVectors(rec) {
			e.Ends = incident.Later(e.Ends, l.LastHeat)
		}
	}
	if len(rec.Shops) > 0 {
		e.Shop = rec.Shops[0].ID
		e.ShopName = k.opts.ShopName(e.Shop)
		if n := len(rec.Shops) - 1; n > 0 {
			e.ShopName = fmt.Sprintf("%s and %d more", cmp.Or(e.ShopName, string(e.Shop)), n)
		}
	}
	return e
}

func allVectors(rec *incident.Record) (all []*incident.Vector) {
	for _, s := range rec.Shops {
		all = append(all, s.Vectors...)
	}
	return all
}

// isAttack reports whether the rule asked for level 2, or somebody has set it: what controls stop
// that are always in force wakes nobody.
func isAttack(rec *incident.Record) bool {
	return topOf(rec) >= shop.Attack || slices.ContainsFunc(allVectors(rec), func(v *incident.Vector) bool { return !v.Prepared })
}

// levelOf is the highest level that a shop of the incident has now.
func levelOf(rec *incident.Record) (level shop.Level) {
	for _, s := range rec.Shops {
		level = max(level, shop.Level(s.Level))
	}
	return level
}

func topOf(rec *incident.Record) (level shop.Level) {
	for _, s := range rec.Shops {
		level = max(level, shop.Level(s.TopLevel))
	}
	return level
}

// isWell reports whether customers are served well of every vector that goes on, and since when.
func isWell(rec *incident.Record) (since time.Time, well bool) {
	for _, v := range allVectors(rec) {
		switch {
		case !v.Over.IsZero():
		case v.Effective.IsZero():
			return since, false
		default:
			since, well = incident.Later(since, v.Effective), true
		}
	}
	return since, well
}

// details are the figures of an incident so far.
func details(rec *incident.Record) (rows []alert.Detail) {
	if len(rec.Shops) == 0 {
		return nil
	}
	s := summaryOf(rec, nil)
	what := "requests"
	if rec.IsTier() {
		what = "packets or connections"
	}
	rows = []alert.Detail{
		{Label: "Attack", Value: strings.Join(s.Vectors, ", ")},
		{Label: "Peak", Value: fmt.Sprintf("%s %s a second", report.Count(s.Peak), what)},
	}
	if s.Sources > 0 {
		rows = append(rows, alert.Detail{Label: "Clients", Value: "about " + report.Count(s.Sources)})
	}
	served := alert.Detail{Label: "Customers served well", Value: "none came"}
	if s.Customers > 0 {
		served.Value = fmt.Sprintf("%s of %s requests", report.Percent(1-float64(s.Bad)/float64(s.Customers)), report.Count(s.Customers))
	}
	orders := alert.Detail{Label: "Orders", Value: report.Count(s.Orders) + " placed"}
	if s.OrdersExpected != nil {
		orders.Value += ", " + report.Figure(*s.OrdersExpected) + " expected"
	}
	return append(rows, served, orders)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// wordsOpened says what came, and why it was taken for an attack.
func wordsOpened(rec *incident.Record, lines []incident.Line) string {
	s := summaryOf(rec, lines)
	words := fmt.Sprintf("%s since %s", strings.Join(s.Vectors, ", "), clock(rec.Onset))
	if s.Detect != nil {
		words += ", detected after " + report.Span(*s.Detect)
	}
	return words + "." + whyLevel(rec, shop.Attack)
}

// whyLevel is why the level is as high as that, if it is known.
func whyLevel(rec *incident.Record, least shop.Level) string {
	for i := len(rec.Levels) - 1; i >= 0; i-- {
		if l := &rec.Levels[i]; l.To >= int(least) && l.To > l.From && l.Why != "" {
			return fmt.Sprintf(" Level %d by %s: %s.", l.To, l.By, strings.TrimSuffix(l.Why, "."))
		}
	}
	return ""
}

func wordsEscalated(rec *incident.Record, level shop.Level) string {
	return fmt.Sprintf("The level rose to %v.%s", level, whyLevel(rec, level))
}

func wordsEffective(lines []incident.Line, since time.Time) string {
	longest := int64(0)
	for i := range lines {
		if m := lines[i].Mitigate; m != nil {
			longest = max(longest, *m)
		}
	}
	if longest == 0 {
		return "At least 95 % of the requests of customers have been served well all the time. The attack goes on."
	}
	return fmt.Sprintf("Customers are served well since %s, %s after the attack began. It goes on.", clock(since), report.Span(longest))
}

func wordsLateDetect(l *incident.Line) string {
	return fmt.Sprintf("%s%s was detected %s after it began; the target is %s.", l.Vector, where(l), report.Span(*l.Detect), report.Span(l.TargetDetect))
}

func wordsLateEffective(l *incident.Line) string {
	if l.Mitigate == nil {
		return fmt.Sprintf("%s%s: customers are not served well yet, and the target of %s has passed.", l.Vector, where(l), report.Span(l.TargetMitigate))
	}
	return fmt.Sprintf("%s%s: customers were served well %s after it began; the target is %s.", l.Vector, where(l), report.Span(*l.Mitigate), report.Span(l.TargetMitigate))
}

func where(l *incident.Line) string {
	if l.Shop == "" {
		return ""
	}
	return " at " + string(l.Shop)
}

func wordsOver(rec *incident.Record, lines []incident.Line) string {
	s, last := summaryOf(rec, lines), rec.Onset
	for _, v := range allVectors(rec) {
		last = incident.Later(last, v.LastHeat)
	}
	words := fmt.Sprintf("%s, from %s to %s.", strings.Join(s.Vectors, ", "), clock(rec.Onset), clock(last))
	switch {
	case s.Mitigate == nil && s.Result == incident.NotMeasurable:
		return words + " The time to mitigate is not measurable: too few customers came."
	case s.Mitigate == nil:
		return words + " Customers were not served well again before it ended."
	case *s.Mitigate == 0:
		return words + " Customers were served well all the time."
	}
	return fmt.Sprintf("%s Customers were served well %s after it began: target %s.", words, report.Span(*s.Mitigate), s.Result)
}
