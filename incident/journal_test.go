package incident

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestJournal: an incident is written while it is open and when it is over, and is one when read.
func TestJournal(t *testing.T) {
	j := Journal{Dir: t.TempDir()}
	w := newWorld(t, flood).run(0, 200)
	if err := j.Write(w.rec.Open()[0], DefaultTargets()); err != nil {
		t.Fatal(err)
	}
	if lines, _, err := j.Ledger("2026-11"); err != nil || len(lines) != 0 {
		t.Errorf("an open incident has the ledger %v, %v", lines, err)
	}
	r := w.run(201, 1100).one()
	tier := newWorld(t, synFlood).run(0, 500).one()
	for _, r := range []*Record{r, tier, tier} { // two leaders may both write
		if err := j.Write(r, DefaultTargets()); err != nil {
			t.Fatal(err)
		}
	}
	records, skipped, err := j.Incidents("2026-11")
	if err != nil || len(skipped) != 0 {
		t.Fatal(skipped, err)
	}
	if d := cmp.Diff([]*Record{r, tier}, records, cmpopts.IgnoreUnexported(Record{}, Shop{})); d != "" {
		t.Error(d)
	}
	lines, skipped, err := j.Ledger("2026-11")
	want := append(Ledger(r, DefaultTargets()), Ledger(tier, DefaultTargets())...)
	if d := cmp.Diff(want, lines); d != "" || err != nil || len(skipped) != 0 {
		t.Errorf("%v, %v: %s", skipped, err, d)
	}
	for _, name := range []string{"incidents-2026-11.jsonl", "ledger-2026-11.jsonl"} {
		info, err := os.Stat(filepath.Join(j.Dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestNoJournal: without a directory nothing is kept, and that is no error.
func TestNoJournal(t *testing.T) {
	t.Chdir(t.TempDir())
	var j Journal
	r := newWorld(t, flood).run(0, 1100).one()
	if err := errors.Join(j.Write(r, DefaultTargets()), j.Rewrite(r)); err != nil {
		t.Error(err)
	}
	records, _, err := j.Incidents("2026-11")
	lines, _, errLedger := j.Ledger("2026-11")
	if err = errors.Join(err, errLedger); err != nil || len(records)+len(lines) > 0 {
		t.Errorf("it has %d records and %d lines, %v", len(records), len(lines), err)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("there are files: %v, %v", files, err)
	}
}

// TestTornLine: what a crash tore is skipped and said, and the next record is whole.
func TestTornLine(t *testing.T) {
	j := Journal{Dir: t.TempDir()}
	r, tier := newWorld(t, flood).run(0, 1100).one(), newWorld(t, synFlood).run(0, 500).one()
	if err := j.Write(r, DefaultTargets()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(j.Dir, "incidents-2026-11.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole, whole[:len(whole)/2]...), 0o600); err != nil {
		t.Fatal(err)
	}
	records, skipped, err := j.Incidents("2026-11")
	if err != nil || len(records) != 1 || len(skipped) != 1 || !skipped[0].Torn || skipped[0].Line != 2 || skipped[0].Err == nil {
		t.Fatalf("%d records, skipped %+v, %v", len(records), skipped, err)
	}
	if err := j.Write(tier, DefaultTargets()); err != nil {
		t.Fatal(err)
	}
	records, skipped, err = j.Incidents("2026-11")
	if err != nil || len(records) != 2 || len(skipped) != 1 || skipped[0].Torn || skipped[0].Line != 2 {
		t.Errorf("%d records, skipped %+v, %v", len(records), skipped, err)
	}
}

// TestJournalFails: with the file's name, and without harm to what is there.
func TestJournalFails(t *testing.T) {
	r := newWorld(t, synFlood).run(0, 500).one()
	missing := Journal{Dir: filepath.Join(t.TempDir(), "missing")}
	if err := missing.Write(r, DefaultTargets()); err == nil || !strings.Contains(err.Error(), "incidents-2026-11.jsonl") {
		t.Errorf("without a directory: %v", err)
	}
	if records, skipped, err := missing.Incidents("2026-11"); records != nil || skipped != nil || err != nil {
		t.Errorf("a month without a file: %v %v %v", records, skipped, err)
	}
	full := Journal{Dir: t.TempDir()}
	f, err := os.Create(filepath.Join(full.Dir, "incidents-2026-11.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(MaxJournal); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := full.Write(r, DefaultTargets()); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("a file that is full: %v", err)
	}
	for _, month := range []string{"", "2026-13", "../../../x", "2026-11-29"} {
		if _, _, err := full.Ledger(month); err == nil {
			t.Errorf("the month %q is read", month)
		}
	}
}

// TestMonths: an incident is in the month of its onset, and so is each line of its ledger.
func TestMonths(t *testing.T) {
	j := Journal{Dir: t.TempDir()}
	r := newWorld(t, flood).run(0, 1100).one()
	midnight := time.Date(2026, time.December, 1, 0, 0, 1, 0, time.UTC)
	v := *r.Shops[0].Vectors[0]
	v.Vector, v.Onset, v.Detected, v.Effective = "few-clients", midnight, midnight, midnight
	r.Shops[0].Vectors = append(r.Shops[0].Vectors, &v)
	if err := j.Write(r, DefaultTargets()); err != nil {
		t.Fatal(err)
	}
	for month, want := range map[string]string{"2026-11": "search-flood", "2026-12": "few-clients"} {
		lines, _, err := j.Ledger(month)
		if err != nil || len(lines) != 1 || lines[0].Vector != want {
			t.Errorf("%s: %+v, %v", month, lines, err)
		}
	}
}
