package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // Europe/Berlin, on machines without zones

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
)

var update = flag.Bool("update", false, "write the golden files of testdata")

// stories are the records that package incident keeps as golden files.
var stories = []string{"flood", "tier", "slow", "campaign", "open"}

// of returns the report of a story, for shops with German names.
func of(t testing.TB, story string) *Report {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", story+".json"))
	if err != nil {
		t.Fatal(err)
	}
	record, err := incident.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return &Report{
		Record: record, Targets: incident.DefaultTargets(), Zone: berlin, At: time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC),
		Names: map[shop.ID]string{"loewen": "Löwen Apotheke", "sonnen": "Sonnen-Apotheke <am Römer> & Söhne", "adler": "Adler Apotheke"},
	}
}

// all writes a report in each form.
func all(t testing.TB, r *Report) map[string]string {
	t.Helper()
	var page, text, data bytes.Buffer
	for _, err := range []error{r.HTML(&page), r.Markdown(&text), r.JSON(&data)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"html": page.String(), "md": text.String(), "json": data.String()}
}

// TestGolden: go test ./incident/report -run Golden -update writes the files.
func TestGolden(t *testing.T) {
	for _, story := range stories {
		t.Run(story, func(t *testing.T) {
			for form, text := range all(t, of(t, story)) {
				if form != "json" {
					golden(t, story+"."+form, text)
				}
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test ./incident/report -run Golden -update", err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s changed; if that is right, run go test ./incident/report -run Golden -update\n%.3000s", path, d)
	}
}

// TestReportSays: each story's report has what its readers look for.
func TestReportSays(t *testing.T) {
	for story, want := range map[string][]string{
		"flood": {
			"Löwen Apotheke (loewen)", "10:42:07 UTC (11:42:07 CET)", "search-flood", "2,000 requests a second", "about 1,130 clients",
			"pin 3 for 1h", "uid 1000", "no data came", "war zufrieden",
		},
		"tier":     {"the network of all shops", "1,200,000", "customers never fell below 95 %", "Scrubber"},
		"slow":     {"not measurable", "not known", "Fewer than ten requests of customers", "login-guessing"},
		"campaign": {"an attack on 9 shops", "mohren", "14 s"},
		"open":     {"still open", "not yet", "solver-bots"},
	} {
		for form, text := range all(t, of(t, story)) {
			if form == "json" {
				continue // it has what the record has
			}
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%s as %s does not say %q", story, form, w)
				}
			}
		}
	}
}

// TestNamesAreText: a name or a note is never markup.
func TestNamesAreText(t *testing.T) {
	r := of(t, "flood")
	const hostile = `<script>alert(1)</script> | [x](javascript:y) *z* "'`
	r.Names["loewen"] = hostile
	r.Record.Notes[0].Text, r.Record.Levels[0].Why, r.Record.People[0].Who = hostile, hostile, hostile
	r.Record.Shops[0].Vectors[0].Vector = "<script>"
	forms := all(t, r)
	for _, never := range []string{"<script", "<img", `href="javascript`} {
		if strings.Contains(forms["html"], never) {
			t.Errorf("the page has %s", never)
		}
	}
	if text := strings.ReplaceAll(forms["md"], `\`, ""); !strings.Contains(text, hostile) {
		t.Error("the note's text is missing in the Markdown")
	}
	for _, never := range []string{"<script>alert", " | [x](javascript:y)", " *z* "} {
		if strings.Contains(forms["md"], never) {
			t.Errorf("the Markdown has %q, unescaped", never)
		}
	}
}

// TestPageHoldsEverything: no script, nothing to fetch, every plot told in words.
func TestPageHoldsEverything(t *testing.T) {
	for _, story := range stories {
		page := all(t, of(t, story))["html"]
		for _, never := range []string{"<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "http:", "https:", " style="} {
			if strings.Contains(page, never) {
				t.Errorf("%s: the page has %s", story, never)
			}
		}
		for part, want := range map[string]int{"<svg viewBox=\"0 0 720": 4, "<title id=": 4, "<desc id=": 4, "<details>": 4, "ZgotmplZ": 0, "NaN": 0, "Inf": 0} {
			if got := strings.Count(page, part); got != want {
				t.Errorf("%s: %d times %s, want %d", story, got, part, want)
			}
		}
	}
}

// TestMerged: what became part of a campaign says where its report is.
func TestMerged(t *testing.T) {
	r := of(t, "flood")
	r.Record = &incident.Record{V: 1, ID: r.Record.ID, Onset: r.Record.Onset, Until: r.Record.Until, Closed: r.Record.Until, Merged: "20261129-1040-adler"}
	for form, text := range all(t, r) {
		if !strings.Contains(text, "20261129-1040-adler") {
			t.Errorf("the report as %s does not name the incident that goes on", form)
		}
	}
}

// TestWithoutZone: without a zone, times are UTC alone.
func TestWithoutZone(t *testing.T) {
	r := of(t, "flood")
	r.Zone = nil
	for form, text := range all(t, r) {
		if strings.Contains(text, "CET") {
			t.Errorf("the report as %s has local times", form)
		}
	}
}
