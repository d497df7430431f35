// Package report writes what a shop, its host or the police read of an incident: as one HTML page
// with plots, as Markdown, or as JSON.
//
// It stands behind incident, whose records it shows, and adds names and local times. It is
// arithmetic and templates: the time is an argument, and what it writes holds no script, nothing
// to fetch, and no more of a client than the record. It fails only if the writer fails. The plots
// are paths of our own, because they take their colors from the page's style, in light, dark and
// print; libraries for charts write colors into each element.
package report

import (
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/plot"
	"github.com/theriac-edge/theriac/shop"
)

// Report is what is written about an incident: for its shop, the host and the police.
type Report struct {
	Record  *incident.Record
	Targets incident.Targets

	// (optional) The lines of the ledger, as they were when the incident was over. Default: by the
	// Targets.
	Lines []incident.Line

	// The shops' names as their customers know them; a shop without one is called by its ID.
	Names map[shop.ID]string

	// The zone of the local times beside UTC, such as Europe/Berlin. Default: UTC alone.
	Zone *time.Location

	// When the report is made.
	At time.Time
}

// writer makes a document of a report.
type writer struct {
	rec   *incident.Record
	lines []incident.Line
	line  *timeline
	names map[shop.ID]string
	zone  *time.Location
}

func (r *Report) lines() []incident.Line {
	if r.Lines != nil {
		return r.Lines
	}
	return incident.Ledger(r.Record, r.Targets)
}

func (r *Report) document() *plot.Document {
	w := &writer{rec: r.Record, lines: r.lines(), names: r.Names, zone: r.Zone}
	if w.zone == nil {
		w.zone = time.UTC
	}
	d := &plot.Document{
		Title: "Incident", ID: r.Record.ID, Subject: "Incident " + r.Record.ID, State: "still open", Made: w.moment(r.At),
	}
	if d.Settled = !r.Record.Closed.IsZero(); d.Settled {
		d.State = "over"
	}
	if r.Record.Merged != "" {
		d.State = "part of another incident"
		d.Lead = []string{"This attack turned out to be part of a campaign. Its report is that of the incident " + r.Record.Merged + "."}
		return d
	}
	w.line = newTimeline(r.Record)
	d.Title = "Attack on " + w.whom()
	d.Lead, d.Figures = w.lead(), w.figures()
	d.Add(w.times(), plot.Section{ID: "course", Title: "What happened", Plots: w.plots()},
		w.cost(), w.done(), w.sources(), w.agreed(), w.unknown(), w.notes(), w.terms())
	return d
}
