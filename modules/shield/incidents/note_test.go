package incidents

import (
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/incident"
)

func aNote(text string) incident.Act { return incident.Act{At: at(500), Who: "alice", Text: text} }

// TestNotes: a note reaches an incident that is open here, is open at another edge, or is over; the
// ledger stays as it is.
func TestNotes(t *testing.T) {
	t.Parallel()
	one, other, _ := pair(t)
	both(one, other, 1, 0, 60, flood)
	if err := one.Note(t.Context(), floodID, aNote("called the shop at 10:41")); err != nil {
		t.Error(err)
	}
	done := make(chan error, 1)
	go func() { done <- other.Note(t.Context(), floodID, aNote("they had a mail from 192.0.2.7")) }()
	second := 61
	for waiting := true; waiting; second++ {
		both(one, other, 1, second, second, flood)
		select {
		case err := <-done:
			if waiting = false; err != nil {
				t.Error(err)
			}
		default:
		}
		if second > 430 {
			t.Fatal("the note is not taken")
		}
	}
	both(one, other, 1, second, 430, flood)
	if err := other.Note(t.Context(), floodID, aNote("the bill is paid")); err != nil {
		t.Error(err)
	}
	var texts []string
	for _, n := range one.get(floodID).Notes {
		texts = append(texts, n.Text)
	}
	if got, want := strings.Join(texts, "; "), "called the shop at 10:41; they had a mail from [address]; the bill is paid"; got != want {
		t.Errorf("notes %q, want %q", got, want)
	}
	other.settle()
	records, _, err := incident.Journal{Dir: other.dir}.Incidents("2026-11")
	if err != nil || len(records) != 1 || len(records[0].Notes) != 3 {
		t.Errorf("the journal of the edge that was asked has %v, error %v", records, err)
	}
	if lines, _, err := (incident.Journal{Dir: other.dir}).Ledger("2026-11"); len(lines) != 0 || err != nil {
		t.Errorf("a note has written %d lines of the ledger, error %v", len(lines), err)
	}
	if lines := one.ledger(); len(lines) != 1 {
		t.Errorf("%d lines of the ledger, want 1", len(lines))
	}
	if rec := one.get(floodID); one.fenced != 0 || len(rec.Notes) != 3 {
		t.Error("a note has fenced the leader")
	}
}

// TestNoteRefused: what cannot be noted is an error that says what to do.
func TestNoteRefused(t *testing.T) {
	t.Parallel()
	e := start(t, "fra-1", memory(t))
	e.run(leads(1), 0, 430, flood)
	for i := range 17 {
		err := e.Note(t.Context(), floodID, aNote("once more"))
		if (err != nil) != (i == 16) {
			t.Errorf("note %d: %v", i+1, err)
		}
	}
	if err := e.Note(t.Context(), "20261129-1040-nobody", aNote("x")); err == nil || hint.Of(err) == "" {
		t.Errorf("error %v, with a hint %q", err, hint.Of(err))
	}
}

// TestNoteWithoutLeader: a note on an incident that nobody records is not taken silently.
func TestNoteWithoutLeader(t *testing.T) {
	t.Parallel()
	one, other, _ := pair(t)
	both(one, other, 1, 0, 60, flood)
	one.run(nobody, 61, 61, flood)
	one.Keeper.mu.Lock()
	one.stop()
	one.Keeper.mu.Unlock()
	if err := other.Note(t.Context(), floodID, aNote("x")); err == nil || !strings.Contains(err.Error(), "has not taken it") {
		t.Errorf("error %v", err)
	}
}
