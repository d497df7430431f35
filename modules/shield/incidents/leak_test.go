package incidents

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/incident"
)

// planted is what no record may hold: an address of either kind, a path, a query and a value.
var planted = []string{"203.0.113.77", "2001:db8::77", "/cart/antidepressant", "q=antidepressant", "hunter2", "patient@example.org"}

// TestNothingLeaks: whatever operators and other parts write, nothing that is kept, written, told
// or shown has it.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	words := "from 203.0.113.77 and [2001:db8::77]:443 at https://loewen.example/cart/antidepressant?q=antidepressant with password=hunter2 of patient@example.org"
	e := start(t, "fra-1", memory(t))
	for second := range 431 {
		s := &Second{At: at(second), Lead: leads(1), Moments: moments(second, flood), Edges: []string{"fra-1", "203.0.113.77"}}
		if second == 28 || second == 50 {
			s.Levels = []incident.LevelChange{{At: at(second), Shop: "loewen", From: second / 20, To: 2 + second/50, By: "203.0.113.77", Why: words}}
		}
		if second == 60 {
			e.Acted(audit.Act{At: at(second), Act: "ban", What: "203.0.113.77", Shop: "loewen", Who: "unknown at 203.0.113.77", Why: words})
			if err := e.Note(t.Context(), floodID, incident.Act{At: at(second), Who: "patient@example.org", Text: words}); err != nil {
				t.Error(err)
			}
		}
		e.Step(s)
		e.settle()
	}
	shown := everything(t, e)
	for where, text := range shown {
		for _, secret := range planted {
			if strings.Contains(text, secret) {
				i := strings.Index(text, secret)
				t.Errorf("%s has %q: …%s…", where, secret, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
	for _, where := range []string{"html", "markdown", "json", "store " + kindRecord, "incidents-2026-11.jsonl", "alerts"} { // so it was planted there
		if !strings.Contains(strings.ReplaceAll(shown[where], `\`, ""), "[address]") {
			t.Errorf("%s does not say that something was left out", where)
		}
	}
}

// everything is all that is kept, written, told or shown.
func everything(t *testing.T, e *edge) map[string]string {
	t.Helper()
	shown := map[string]string{}
	add := func(where string, v any) {
		t.Helper()
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		shown[where] += string(text)
	}
	add("list", e.list())
	add("ledger", e.ledger())
	for _, a := range e.alerts {
		if a.Report != nil {
			shown["report of an alert"] = string(a.Report.Body)
			a.Report = nil
		}
		add("alerts", a)
	}
	rec, lines, err := e.Get(t.Context(), floodID)
	if err != nil {
		t.Fatal(err)
	}
	var page, text, data bytes.Buffer
	report := e.ReportOf(rec, lines)
	for _, err := range []error{report.HTML(&page), report.Markdown(&text), report.JSON(&data)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	shown["html"], shown["markdown"], shown["json"] = page.String(), text.String(), data.String()
	for _, kind := range []string{kindRecord, kindSummary, kindLedger} {
		records, err := e.store.KeptSince(t.Context(), kind, time.UnixMilli(0), 10)
		if err != nil || len(records) != 1 {
			t.Fatalf("%d records of %s, error %v", len(records), kind, err)
		}
		shown["store "+kind] = string(records[0].Value)
	}
	files, err := filepath.Glob(filepath.Join(e.dir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %q, error %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown[filepath.Base(file)] = string(data)
	}
	for _, line := range e.logs.All() {
		add("log", line)
	}
	return shown
}
