package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
)

var update = flag.Bool("update", false, "write the golden files")

const golden = `
name: golden
about: one wave for ten seconds
for: 40s
shops: [{name: loewen}, {name: sonnen}]
customers: {arrive: 0/s}
waves:
  - {name: "wave <1>", at: 10s, for: 10s, shop: loewen, vector: get, rate: 200/s, from: 100}
targets: {success: 95%, detect: 3s, lost: 0, level_max: 4}
`

var begin = time.Date(2016, 7, 1, 12, 0, 0, 0, time.UTC)

// runOf is a run in which customers do badly for so many seconds from the wave's begin.
func runOf(t *testing.T, world string, bad int) *record.Run {
	t.Helper()
	r := record.New(begin, 40*time.Second, []string{"loewen", "sonnen"})
	at := func(i int) time.Time { return begin.Add(time.Duration(i) * time.Second) }
	sent := r.Wave(record.Wave{Name: "wave <1>", Shop: "loewen", Vector: "get", At: 10 * time.Second, For: 10 * time.Second, From: 100})
	for i := range 40 {
		good := i < 10 || i >= 10+bad
		for range 2 {
			r.Page("loewen", record.Page{Due: at(i), Took: time.Duration(20+i) * time.Millisecond, Good: good})
			r.Page("sonnen", record.Page{Due: at(i), Took: 20 * time.Millisecond, Good: true})
		}
		if world == "shield" {
			r.Level("loewen", at(i), map[bool]int{true: 2, false: 0}[i >= 11])
		}
		for range 200 {
			if i >= 10 && i < 20 {
				sent(at(i), map[bool]record.Outcome{true: record.Served, false: record.Challenged}[i < 10+bad])
			}
		}
	}
	r.Missed("wave <1>", "loewen", 10*time.Second, 2000, 0)
	r.Visit("loewen", record.Visit{Buys: true, Submitted: true, Challenged: world == "shield"})
	r.Visit("loewen", record.Visit{BrokenOff: "order: status 503", Buys: true, Submitted: true})
	r.Orders("loewen", 1, map[bool]int{true: 0, false: 1}[world == "shield"], 0)
	run := r.Finish(40 * time.Second)
	run.World = world
	run.Generator = record.Generator{Cores: 1, TargetCores: 1, Apart: true, LateSeconds: []int{12}, WorstLate: "130ms"}
	run.Processes = []record.Process{{Name: "drill (attackers and customers)", CPU: 9 * time.Second}}
	return run
}

func reportOf(t *testing.T) *Report {
	t.Helper()
	s, err := scenario.Parse("golden.yaml", []byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	shield := runOf(t, "shield", 2)
	onset, detected := 10.5, 11.0
	shield.Incidents = []record.Incident{{ID: "20160701-1200-loewen", Shop: "loewen", Vector: "get-flood", Onset: &onset, Detected: &detected}}
	shield.Judge(&s.Targets)
	return &Report{Scenario: s, Runs: []*record.Run{runOf(t, "nothing", 10), runOf(t, "blackhole", 9), shield}, At: begin}
}

func TestGolden(t *testing.T) {
	r := reportOf(t)
	var html, md, summary bytes.Buffer
	for _, err := range []error{r.HTML(&html), r.Markdown(&md), r.Summary(&summary)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, got := range map[string][]byte{"golden.html": html.Bytes(), "golden.md": md.Bytes(), "summary.txt": summary.Bytes()} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s changed; if that is right, run go test ./drill/report -run Golden -update\n%s", file, diff)
		}
	}
	if strings.Contains(html.String(), "<1>") || strings.Contains(html.String(), "<script") || strings.Contains(html.String(), "http://") {
		t.Error("the page has markup of a name, a script, or something to fetch")
	}
}

// JSON is read back as it was.
func TestJSON(t *testing.T) {
	r := reportOf(t)
	var out bytes.Buffer
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back struct {
		V    int
		Runs []*record.Run
	}
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.V != 1 || len(back.Runs) != 3 {
		t.Fatalf("%v: %+v", err, back)
	}
	if diff := cmp.Diff(r.Runs[2].Waves, back.Runs[2].Waves); diff != "" {
		t.Error(diff)
	}
}

// The report says where the drill was the limit, and not its target.
func TestGeneratorLimits(t *testing.T) {
	run := &record.Run{Length: time.Minute, Waves: []*record.Wave{{Due: 1000, Missed: 51}}}
	run.Generator = record.Generator{LateSeconds: []int{3, 4}, WorstLate: "400ms", Busy: 2, Queued: 1500 * time.Millisecond}
	want := []string{
		"attackers and customers shared the processors with what they visited, so the figures are worse than the target deserves",
		"in 2 of 60 seconds the generator was the limit: it had no time to send when it should, by 400ms at worst",
		"2 customers were turned away by the generator, which had too many at the same time",
		"customers waited up to 1.5s until the generator began to solve their challenges, which are dear at high levels; that is in no latency",
		"51 of 1000 requests of attacks were not sent: all sources were waiting for answers, or the generator was late",
	}
	if diff := cmp.Diff(want, generatorWarnings(run)); diff != "" {
		t.Error(diff)
	}
	run.Generator, run.Waves[0].Missed = record.Generator{Apart: true}, 50
	if got := generatorWarnings(run); got != nil {
		t.Errorf("a drill without limits warns of %q", got)
	}
}

// Where there is no terminal, each wave is one line when it is over.
func TestLive(t *testing.T) {
	s, err := scenario.Parse("golden.yaml", []byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	r := record.New(begin, 40*time.Second, []string{"loewen", "sonnen"})
	sent := r.Wave(record.Wave{Name: "wave <1>", Shop: "loewen", At: 10 * time.Second, For: 10 * time.Second})
	for i := range 4 {
		sent(begin.Add(12*time.Second), []record.Outcome{record.Served, record.Limited, record.Challenged, record.Forbidden}[i])
		r.Page("loewen", record.Page{Due: begin.Add(15 * time.Second), Good: i > 0})
	}
	var out strings.Builder
	live := NewLive(&out, s, "shield")
	for i := range 40 {
		live.Show(r, time.Duration(i)*time.Second)
	}
	live.End()
	want := "golden against shield: 40s, 1 wave\n" +
		"    10s  wave <1>       get               4 sent,  75% stopped; customers: 75% of 4 pages good\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// axe finds nothing in light or dark, the page fits on a phone, and the browser asks for
// nothing else. With -artifacts the pictures are kept.
func TestPageIsAccessible(t *testing.T) {
	axe := need.Axe(t)
	var page bytes.Buffer
	if err := reportOf(t).HTML(&page); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/drill" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write(page.Bytes())
	}))
	t.Cleanup(server.Close)
	browser := chrome.Start(t, chrome.Options{Flags: []string{"hide-scrollbars"}})
	browser.Accessible(t, axe, chrome.Sight{Name: "drill", URL: server.URL + "/drill", Direction: "ltr", Script: `document.querySelector("details").open = true`})
}
