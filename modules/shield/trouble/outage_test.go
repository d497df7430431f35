package trouble

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
)

// TestOutage: a loss of 30 s is told once, and its end; a shorter one, and a store in the process,
// are not.
func TestOutage(t *testing.T) {
	began := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var o Outage
	for _, step := range []struct {
		at     time.Duration // since began
		shared bool
		since  time.Duration
		kind   string
		want   string // ID, severity
	}{
		{0, false, 0, "redis", ""},
		{29 * time.Second, false, 0, "redis", ""},
		{29500 * time.Millisecond, true, 29500 * time.Millisecond, "redis", ""},
		{31 * time.Second, false, 31 * time.Second, "redis", ""},
		{60 * time.Second, false, 31 * time.Second, "redis", ""},
		{61 * time.Second, false, 31 * time.Second, "redis", "store-lost/fra-1/1796040031/store_lost error"},
		{62 * time.Second, false, 31 * time.Second, "redis", ""},
		{2 * time.Hour, false, time.Hour, "redis", ""}, // another reason why
		{3 * time.Hour, true, 3 * time.Hour, "redis", "store-lost/fra-1/1796040031/over info"},
		{4 * time.Hour, true, 3 * time.Hour, "redis", ""},
		{5 * time.Hour, false, 4 * time.Hour, "redis", "store-lost/fra-1/1796054400/store_lost error"},
		{6 * time.Hour, false, 0, "memory", "store-lost/fra-1/1796054400/over info"}, // a reload without Redis
		{7 * time.Hour, false, 0, "memory", ""},
	} {
		got := ""
		e := o.Step(began.Add(step.at), "fra-1", counters.Status{Kind: step.kind, Shared: step.shared, Since: began.Add(step.since), Nodes: []string{"fra-1", "fra-2"}})
		if e != nil {
			got = fmt.Sprint(e.ID, " ", e.Severity)
		}
		if got != step.want {
			t.Errorf("after %v: %q, want %q", step.at, got, step.want)
		}
		if e != nil && (len(o.Open()) == 1) != e.Ends.IsZero() {
			t.Errorf("after %v: %d are open", step.at, len(o.Open()))
		}
	}
}

// TestOutageOfAnotherName: an edge that has got another name ends the incident of the name before.
func TestOutageOfAnotherName(t *testing.T) {
	var o Outage
	now := time.Now()
	lost := counters.Status{Kind: "redis", Since: now.Add(-time.Minute)}
	begun := o.Step(now, "a", lost)
	over := o.Step(now, "b", counters.Status{Kind: "redis", Shared: true, Since: now})
	if begun == nil || over == nil || begun.Incident != over.Incident || begun.ID == over.ID {
		t.Errorf("begun %+v, over %+v", begun, over)
	}
}
