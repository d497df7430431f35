package report_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/incident/report"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// The report of a flood on a shop that its customers know as Löwen Apotheke.
func Example() {
	noon := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	var recorder incident.Recorder
	for i := range 30 {
		m := incident.Moment{Shop: "loewen", Level: 2, Need: 2, Hot: true, Sights: []incident.Sight{{Vector: watch.GetFlood}}}
		m.Second.Strangers[watch.Page], m.Second.Stopped[watch.ByChallenge] = 500, 500
		m.Second.Customers, m.Second.Served = 2, 2
		recorder.Step(noon.Add(time.Duration(i)*time.Second), []incident.Moment{m})
	}
	r := report.Report{
		Record: recorder.Open()[0], Targets: incident.DefaultTargets(),
		Names: map[shop.ID]string{"loewen": "Löwen Apotheke"}, Zone: time.FixedZone("CET", 3600), At: noon.Add(time.Minute),
	}
	var text strings.Builder
	if err := r.Markdown(&text); err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range strings.SplitAfterN(text.String(), "\n", 8)[:7] {
		fmt.Print(line)
	}
	// Output:
	// # Attack on Löwen Apotheke (loewen)
	//
	// Incident 20261129-1200-loewen, still open
	//
	// On 29 November 2026, an attack on Löwen Apotheke (loewen) began at 12:00:00 UTC (13:00:00 CET): get-flood, at most 500 requests a second, 15,000 in all.
	//
	// The incident is still open: this report covers it until 12:00:29 UTC (13:00:29 CET). 60 requests of customers came meanwhile, and all were served well.
}
