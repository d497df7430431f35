package shieldctl

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/shop"
)

func TestNoteRequestCheck(t *testing.T) {
	for note, ok := range map[string]bool{
		"called the shop at 10:50": true,
		strings.Repeat("ä", 150):   true,
		strings.Repeat("x", 301):   false,
		"  ":                       false,
		"two\nlines":               false,
		"\u202ereversed":           false,
	} {
		if err := (&NoteRequest{Incident: "20261129-1042-loewen", Note: note}).check(); (err == nil) != ok {
			t.Errorf("%.40q: %v", note, err)
		}
	}
}

// TestParseSince: a day begins at midnight of this machine's zone.
func TestParseSince(t *testing.T) {
	if at, err := parseSince("2026-11-01"); err != nil || !at.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.Local)) {
		t.Errorf("%v, %v", at, err)
	}
	if at, err := parseSince("2026-11-01T08:00+01:00"); err != nil || at.UTC().Hour() != 7 {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := parseSince("yesterday"); err == nil {
		t.Error("yesterday is a time")
	}
}

// TestPrintIncidents: what is open, unknown or merged is told from what is 0.
func TestPrintIncidents(t *testing.T) {
	began := time.Date(2026, 11, 29, 10, 42, 0, 0, time.Local)
	list := IncidentList{
		Incidents: []incidents.Summary{
			{
				ID: "20261129-1042-loewen", Onset: began, Until: began.Add(9 * time.Minute), Closed: began.Add(15 * time.Minute), Shops: []shop.ID{"loewen", "adler"},
				Vectors: []string{"get-flood", "search-flood"}, Peak: 2140, Level: 3, Detect: new(int64(1)), Mitigate: new(int64(0)), Result: incident.Met,
			},
			{ID: "20261129-1050-sonnen", Onset: began, Until: began, Shops: []shop.ID{"sonnen"}, Vectors: []string{"login-guessing"}, Peak: 4, Level: 2, Result: incident.StillOpen},
			{ID: "20261129-1055-adler", Onset: began, Until: began, Closed: began, Merged: "20261129-1042-loewen"},
		},
		Notices: []string{"the shared store does not answer"},
	}
	var out bytes.Buffer
	printIncidents(&out, list)
	for _, want := range []string{
		"2026-11-29 10:42:00  9 min   get-flood, search-flood at 2 shops  2,140/s  3      1 s       0 s          met\n",
		"open    login-guessing                      4/s      2      -         -            open\n",
		"went on as 20261129-1042-loewen\n",
		"the shared store does not answer\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
}

// TestPrintLedger: what was not measured is empty or a dash in each form, and never 0.
func TestPrintLedger(t *testing.T) {
	onset := time.Date(2026, 11, 29, 10, 42, 0, 0, time.UTC)
	lines := []incident.Line{
		{V: 1, Month: "2026-11", Incident: "20261129-1042-loewen", Onset: onset, Shop: "loewen", Vector: "get-flood", TargetDetect: 3, TargetMitigate: 10, Detect: new(int64(1)), Mitigate: new(int64(14)), Result: incident.Missed, Breach: 4, HarmSeconds: 9, Consistency: new(0.993), Orders: 4, OrdersExpected: new(4.2)},
		{V: 1, Month: "2026-11", Incident: "20261129-1050.tier", Onset: onset, Vector: "syn", TargetDetect: 3, Result: incident.NotMeasurable, Detect: new(int64(0))},
	}
	r := LedgerReport{Month: "2026-11", Lines: lines, Totals: incident.Totals(lines)}
	var text, table bytes.Buffer
	printLedger(&text, r)
	printLedgerCSV(&table, r)
	for want, in := range map[string]string{
		"loewen     20261129-1042-loewen  get-flood  1 s       14 s         3 s, 10 s  missed          4 s   9 s   4 of 4.2": text.String(),
		"all shops  20261129-1050.tier    syn        0 s       -            3 s, 0 s   not measurable":                       text.String(),
		"2026-11,loewen,20261129-1042-loewen,get-flood,2026-11-29T10:42:00Z,3,10,1,,,14,missed,4,9,0.993,4,4.200\n":          table.String(),
		"2026-11,,20261129-1050.tier,syn,2026-11-29T10:42:00Z,3,0,0,,,,not measurable,0,0,,0,\n":                             table.String(),
	} {
		if !strings.Contains(in, want) {
			t.Errorf("%q is missing:\n%s", want, in)
		}
	}
}

// TestPrintIncident: what was done and noted, and what is missing.
func TestPrintIncident(t *testing.T) {
	onset := time.Date(2026, 11, 29, 10, 42, 0, 0, time.UTC)
	v := &incident.Vector{Vector: "get-flood", Onset: onset, Detected: onset.Add(time.Second), LastHeat: onset.Add(time.Minute), Peak: 2140, Sources: 1130}
	rec := &incident.Record{
		V: 1, ID: "20261129-1042-loewen", Onset: onset, Until: onset.Add(time.Minute),
		Shops:  []*incident.Shop{{ID: "loewen", From: onset, Vectors: []*incident.Vector{v}, Customers: incident.Customers{Requests: 200, Bad: 31}}},
		Levels: []incident.LevelChange{{At: onset, Shop: "loewen", To: 2, By: "watch", Why: "many strangers"}},
		Notes:  []incident.Act{{At: onset, Who: "alice", Text: "called the shop"}},
		Gaps:   []incident.Gap{{From: onset, To: onset.Add(2 * time.Second), Why: "another edge took the lead"}},
	}
	var out bytes.Buffer
	printIncident(&out, Incident{Record: rec, Ledger: incident.Ledger(rec, incident.DefaultTargets())})
	for _, want := range []string{
		"is open\n", "2,140/s", "1,130", "200 requests of customers, 31 served badly", "level 0 to 2 by watch: many strangers",
		"alice: called the shop", "no data for 3 s: another edge took the lead",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	out.Reset()
	printIncident(&out, Incident{Record: &incident.Record{ID: "20261129-1055-adler", Merged: rec.ID}})
	if got := out.String(); got != "20261129-1055-adler went on as 20261129-1042-loewen\n" {
		t.Error(got)
	}
}
