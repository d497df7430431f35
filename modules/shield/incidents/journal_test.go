package incidents

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestJournalFails: without its directory the error is logged once, the store has everything, and
// the journal is written as soon as it can be.
func TestJournalFails(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "theriac")
	e := start(t, "fra-1", memory(t))
	e.setJournal(dir)
	failing(t, e)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	again(t, e)
}

// failing records two incidents that cannot be written.
func failing(t *testing.T, e *edge) {
	t.Helper()
	other := flood
	other.shop = "sonnen"
	e.run(leads(1), 0, 430, flood, other)
	sample.Within(t, 10*time.Second, "it is tried again", func() bool { _, fails, _ := e.journal.waiting(); return fails })
	if list, lines := e.list(), e.ledger(); len(list) != 2 || len(lines) != 2 {
		t.Errorf("%d incidents and %d lines of the ledger, want two of each", len(list), len(lines))
	}
	if _, notices := e.List(t.Context(), time.Time{}, ""); !strings.Contains(strings.Join(notices, " "), "journal") {
		t.Errorf("operators are not told: %q", notices)
	}
	if n := e.logs.FilterLevelExact(zapcore.ErrorLevel).Len(); n != 1 {
		t.Errorf("%d errors in the log, want 1: %v", n, e.logs.All())
	}
}

// again waits until the journal has them.
func again(t *testing.T, e *edge) {
	t.Helper()
	e.journal.retry()
	sample.Within(t, 60*time.Second, "the journal is written", func() bool { n, _, _ := e.journal.waiting(); return n == 0 })
	records, skipped, err := incident.Journal{Dir: e.journalDir()}.Incidents("2026-11")
	whole := 0
	for _, s := range skipped {
		if !s.Torn { // by the full disk
			whole++
		}
	}
	if len(records) != 2 || whole > 2 || err != nil {
		t.Errorf("the journal has %d records, skipped %v, error %v", len(records), skipped, err)
	}
	if lines, _, err := (incident.Journal{Dir: e.journalDir()}).Ledger("2026-11"); len(lines) != 2 || err != nil {
		t.Errorf("the ledger has %d lines, error %v", len(lines), err)
	}
}

// TestMonths: an incident over the end of a month is in the ledger of the month of its onset.
func TestMonths(t *testing.T) {
	t.Parallel()
	e := start(t, "fra-1", memory(t))
	late := flood
	begin := int(time.Date(2026, 11, 30, 23, 59, 0, 0, time.UTC).Sub(noon) / time.Second)
	late.from, late.to, late.heals = begin+30, begin+120, begin+36
	e.run(leads(1), begin, begin+430, late)
	if n := len(e.ledger()); n != 1 {
		t.Errorf("November has %d lines, want 1", n)
	}
	if lines, _, err := e.Ledger(t.Context(), "2026-12"); len(lines) != 0 || err != nil {
		t.Errorf("December has %d lines, error %v", len(lines), err)
	}
	rec := e.get("20261130-2359-loewen")
	if rec.Until.Month() != time.December {
		t.Errorf("it ended at %v", rec.Until)
	}
	if names, err := filepath.Glob(filepath.Join(e.dir, "*")); len(names) != 2 || err != nil {
		t.Errorf("files %q, error %v", names, err)
	}
	if _, _, err := e.Ledger(t.Context(), "11/2026"); err == nil {
		t.Error("a month is not checked")
	}
}

// TestOldIncident: what the store has forgotten is found in the journal, with the times that were
// promised then.
func TestOldIncident(t *testing.T) {
	t.Parallel()
	e := start(t, "fra-1", memory(t))
	e.run(leads(1), 0, 430, flood)
	next := start(t, "fra-1", memory(t)) // an empty store
	next.setJournal(e.dir)
	next.step(leads(1), 440)
	next.settle()
	if list := next.list(); len(list) != 1 || list[0].Result != incident.Met {
		t.Errorf("listed %+v", list)
	}
	if _, lines, err := next.Get(t.Context(), floodID); err != nil || len(lines) != 1 || lines[0].TargetMitigate != 10 {
		t.Errorf("lines %+v, error %v", lines, err)
	}
	if _, _, err := next.Get(t.Context(), "20261129-1040-nobody"); !errors.Is(err, ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	for _, id := range []string{"", "x", "../../etc/passwd", strings.Repeat("2", 9000)} {
		if _, _, err := next.Get(t.Context(), id); err == nil {
			t.Errorf("%.20q is an incident", id)
		}
	}
}
