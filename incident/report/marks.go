package report

import (
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
)

const lastSign = "last sign"

// marks draws when it began, was detected, and so on: the first of all shops and vectors, and
// the last end.
func (w *writer) marks(x plot.Scale) (marks []plot.Mark) {
	first := w.firsts()
	for i, m := range []struct {
		label string
		at    time.Time
	}{{"onset", first.Onset}, {"detected", first.Detected}, {"effective", first.Effective}, {lastSign, first.LastHeat}} {
		if m.at.IsZero() || m.label == lastSign && w.rec.Closed.IsZero() {
			continue
		}
		at := x.Of(m.at.Sub(w.line.from).Seconds() + 0.5)
		drawn := plot.Mark{X: plot.Coordinate(at), TextX: plot.Coordinate(at + 4), TextY: plot.Coordinate(float64(12 + 12*i)), Anchor: "start", Label: m.label}
		if at > plot.Right-70 {
			drawn.TextX, drawn.Anchor = plot.Coordinate(at-4), "end"
		}
		marks = append(marks, drawn)
	}
	return marks
}

// firsts sums up the vectors of all shops: what came first, what was effective last, if all
// were, and what ended last.
func (w *writer) firsts() (sum incident.Vector) {
	all := true
	for _, s := range w.rec.Shops {
		for _, v := range s.Vectors {
			if sum.Onset.IsZero() {
				sum.Onset, sum.Detected = v.Onset, v.Detected
			}
			sum.Onset, sum.Detected = incident.Earlier(sum.Onset, v.Onset), incident.Earlier(sum.Detected, v.Detected)
			if !v.Alerted.IsZero() && (sum.Alerted.IsZero() || v.Alerted.Before(sum.Alerted)) {
				sum.Alerted = v.Alerted
			}
			all = all && !v.Effective.IsZero()
			sum.Effective, sum.LastHeat = incident.Later(sum.Effective, v.Effective), incident.Later(sum.LastHeat, v.LastHeat)
		}
	}
	if !all {
		sum.Effective = time.Time{}
	}
	return sum
}

func (w *writer) bands(x plot.Scale) (bands []plot.Band) {
	for _, g := range w.rec.Gaps {
		from := g.From.Sub(w.line.from).Seconds()
		left, right := x.Of(max(0, from)), x.Of(min(from+float64(g.Seconds()), float64(w.line.seconds)))
		bands = append(bands, plot.Band{Class: "gap", X: plot.Coordinate(left), Width: plot.Coordinate(max(1, right-left))})
	}
	return bands
}
