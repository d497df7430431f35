package audit_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/audit"
)

func TestTrailKeepsTheLastActs(t *testing.T) {
	var trail audit.Trail
	if got := trail.Acts(); got == nil || len(got) > 0 {
		t.Errorf("at the start: %#v, want an empty list", got)
	}
	for i := range audit.Kept + 7 {
		trail.Add(audit.Act{What: fmt.Sprint(i)})
	}
	acts := trail.Acts()
	if len(acts) != audit.Kept || acts[0].What != "106" || acts[audit.Kept-1].What != "7" {
		t.Errorf("%d acts, from %q to %q; want 100, from 106 to 7", len(acts), acts[0].What, acts[len(acts)-1].What)
	}
	acts[0].What = "changed"
	if trail.Acts()[0].What == "changed" {
		t.Error("a caller changed the trail")
	}
}

func TestActIsOneLine(t *testing.T) {
	until := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	act := audit.Act{Act: "ban", Who: "alice", What: "192.0.2.7", Shop: "loewen", Why: `a "note"`, Until: until, Node: "fra-1"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info(audit.Message, act.Fields()...)
	want := `msg="operator act" act=ban who=alice what=192.0.2.7 shop=loewen why="a \"note\"" node=fra-1 until=2026-11-30T12:00:00.000Z` + "\n"
	if got := log.String(); !strings.HasSuffix(got, want) {
		t.Errorf("logged %s, want %s", got, want)
	}
	if got, want := act.String(), "alice: ban loewen 192.0.2.7 until "+until.Local().Format(time.DateTime)+` (a "note")`; got != want {
		t.Errorf("reads %q, want %q", got, want)
	}
	if got := len(audit.Act{Act: "reload", Who: "root"}.Fields()); got != 4 {
		t.Errorf("%d keys and values of an act with nothing else to say, want 4", got)
	}
}

func TestCheckWhy(t *testing.T) {
	for why, ok := range map[string]bool{
		"": true, "Bestellflut, Ticket 4711 – Größe": true, strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false, "two\nlines": false, "\x1b[2J": false, "a\u202eb": false, "a\u2028b": false, "tab\t": false,
	} {
		if err := audit.CheckWhy(why, 64); (err == nil) != ok {
			t.Errorf("%q: %v", why, err)
		}
	}
}
