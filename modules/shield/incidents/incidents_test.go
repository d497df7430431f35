package incidents

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
)

const floodID = "20261129-1040-loewen"

// each runs a test on both stores.
func each(t *testing.T, test func(t *testing.T, store counters.Store)) {
	t.Run("one process", func(t *testing.T) { t.Parallel(); test(t, memory(t)) })
	t.Run("Redis", func(t *testing.T) { t.Parallel(); test(t, shared(t, "fra-1", need.Redis(t).Addr)) })
}

// TestIncident: an attack from its first second to what remains of it.
func TestIncident(t *testing.T) {
	each(t, func(t *testing.T, store counters.Store) {
		e := start(t, "fra-1", store)
		e.run(leads(1), 0, 40, flood)
		list := e.list()
		if len(list) != 1 || list[0].ID != floodID || !list[0].Closed.IsZero() || list[0].Result != incident.StillOpen {
			t.Fatalf("listed %+v, want one that is open", list)
		}
		if open := e.Open(); len(open) != 1 || open[0].Kind != alert.Effective && open[0].Kind != alert.Opened {
			t.Errorf("open alerts %+v", open)
		}
		e.Accepted(floodID, at(41))
		e.run(leads(1), 41, 430, flood)
		rec := e.get(floodID)
		v := rec.Shops[0].Vectors[0]
		if !v.Onset.Equal(at(27)) || !v.Detected.Equal(at(28)) || !v.Effective.Equal(at(33)) || !v.LastHeat.Equal(at(120)) {
			t.Errorf("onset %v, detected %v, effective %v, last %v", v.Onset, v.Detected, v.Effective, v.LastHeat)
		}
		if v.Alerted.IsZero() || rec.Closed.IsZero() || len(rec.Levels) != 1 || len(rec.Gaps) != 0 || cmp.Diff(rec.Edges, []string{"fra-1"}) != "" {
			t.Errorf("alerted %v, closed %v, levels %v, gaps %v, edges %v", v.Alerted, rec.Closed, rec.Levels, rec.Gaps, rec.Edges)
		}
		if got, want := e.told(), floodID+"/opened "+floodID+"/effective/1 "+floodID+"/over"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		over := e.alerts[len(e.alerts)-1]
		if over.Report == nil || over.Report.Name != floodID+".html" || !strings.Contains(string(over.Report.Body), "Löwen Apotheke") || !over.Ends.Equal(at(120)) {
			t.Errorf("the last alert is %+v", over)
		}
		lines := e.ledger()
		if len(lines) != 1 || lines[0].Result != incident.Met || *lines[0].Mitigate != 6 || *lines[0].Detect != 1 {
			t.Errorf("ledger %+v", lines)
		}
		if open := e.Open(); len(open) != 0 {
			t.Errorf("%d are open after the end", len(open))
		}
		journaled, _, err := incident.Journal{Dir: e.dir}.Incidents("2026-11")
		if err != nil || len(journaled) != 1 || cmp.Diff(mustEncode(t, journaled[0]), mustEncode(t, rec)) != "" {
			t.Errorf("the journal has %d records, error %v, or another one than the store", len(journaled), err)
		}
	})
}

func mustEncode(t testing.TB, rec *incident.Record) string {
	t.Helper()
	data, err := incident.Encode(rec)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestFollowerRecordsNothing: only the edge that leads keeps, writes and tells.
func TestFollowerRecordsNothing(t *testing.T) {
	e := start(t, "fra-1", memory(t))
	e.run(follows(1), 0, 430, flood)
	if list := e.list(); len(list) != 0 || e.told() != "" || len(e.ledger()) != 0 {
		t.Errorf("an edge that follows has recorded %+v and told %q", list, e.told())
	}
}

// TestJoined: shops of a campaign are one incident; the one that ends thereby is a stub that leads
// to it, and its alerts end.
func TestJoined(t *testing.T) {
	each(t, func(t *testing.T, store counters.Store) {
		e := start(t, "fra-1", store)
		second, third := flood, flood
		second.shop, second.from, second.heals = "sonnen", 37, 40
		third.shop, third.from, third.heals = "adler", 47, 50
		e.run(leads(1), 0, 45, flood, second, third)
		for _, a := range []*attack{&second, &third} {
			a.campaign = "20261129-1040"
		}
		first := flood
		first.campaign = "20261129-1040"
		e.run(leads(1), 46, 440, first, second, third)
		stub := e.get("20261129-1040-sonnen")
		if rec := e.get(floodID); len(rec.Shops) != 3 || stub.Merged != floodID {
			t.Errorf("%d shops in the first, and the second went on as %q", len(rec.Shops), stub.Merged)
		}
		if n := len(e.ledger()); n != 3 {
			t.Errorf("the ledger has %d lines, want one for each shop", n)
		}
		if got := e.told(); strings.Count(got, "/opened") != 2 || strings.Count(got, "/over") != 2 {
			t.Errorf("told %s, want two opened and two over", got)
		}
		if got := e.list(); len(got) != 2 {
			t.Errorf("%d are listed, want 2", len(got))
		}
	})
}

// TestEscalated: a level that rises within an incident is told, and what was promised and missed.
func TestEscalated(t *testing.T) {
	e := start(t, "fra-1", memory(t))
	hard := flood
	hard.heals = 60
	e.run(leads(1), 0, 40, hard)
	hard.level = shop.Siege
	e.run(leads(1), 41, 430, hard)
	want := strings.Join([]string{"opened", "missed_target/effective", "escalated/4", "effective/1", "over"}, " "+floodID+"/")
	got := strings.Fields(e.told())
	for id := range strings.FieldsSeq(floodID + "/" + want) {
		if strings.Count(strings.Join(got, " ")+" ", id+" ") != 1 {
			t.Errorf("told %q, want %s once", got, id)
		}
	}
	if len(got) != 5 {
		t.Errorf("told %q, want five", got)
	}
	if l := e.ledger(); len(l) != 1 || l[0].Result != incident.Missed {
		t.Errorf("ledger %+v, want one that is missed", l)
	}
}

// TestTicks: seconds are told by a ticker, which is never exact. None is lost and none is a gap.
func TestTicks(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]func(second int) time.Duration{
		"between two seconds": func(second int) time.Duration { return time.Duration(second%3-1) * 5 * time.Millisecond },
		"late now and then":   func(second int) time.Duration { return time.Duration(second%7/6) * 300 * time.Millisecond },
		"a little slow":       func(second int) time.Duration { return time.Duration(second) * 100 * time.Microsecond },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, "fra-1", memory(t))
			for second := range 431 {
				e.Step(&Second{At: at(second).Add(off(second)), Lead: leads(1), Moments: moments(second, flood)})
				e.settle()
			}
			rec := e.get(e.list()[0].ID)
			if v := rec.Shops[0].Vectors[0]; len(rec.Gaps) != 0 || v.Arrived != 93*2000 {
				t.Errorf("gaps %v, %d requests", rec.Gaps, v.Arrived)
			}
		})
	}
}
