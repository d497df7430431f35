package incident_test

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/watch"
)

// A flood of searches begins in the third second, is detected one second later, and hurts
// customers for two seconds more. A leader would call Step once a second, with what all edges
// counted.
func Example() {
	var recorder incident.Recorder
	noon := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	for i := range 400 {
		at := noon.Add(time.Duration(i) * time.Second)
		m := incident.Moment{Shop: "loewen", Expected: incident.Expected{Known: true, Customers: 3}}
		m.Second.Customers, m.Second.Served = 3, 3
		if i >= 3 && i < 60 {
			m.Hot = true
			m.Second.Strangers[watch.Search] = 2000
		}
		if i >= 4 && i < 60 {
			m.Level, m.Need = 2, 2
			m.Sights = []incident.Sight{{Vector: watch.SearchFlood, Onset: noon.Add(3 * time.Second)}}
		}
		if i >= 3 && i < 6 {
			m.Second.Served = 0
		}
		for _, change := range recorder.Step(at, []incident.Moment{m}) {
			fmt.Println(change.What, change.Record.ID)
			if change.What != incident.Closed {
				continue
			}
			for _, line := range incident.Ledger(change.Record, incident.DefaultTargets()) {
				fmt.Printf("detected after %d s, mitigated after %d s, target %d s: %s\n",
					*line.Detect, *line.Mitigate, line.TargetMitigate, line.Result)
			}
		}
	}
	// Output:
	// opened 20261129-1200-loewen
	// effective 20261129-1200-loewen
	// closed 20261129-1200-loewen
	// detected after 1 s, mitigated after 3 s, target 10 s: met
}
