package trouble

import (
	"fmt"
	"testing"
	"time"
)

// TestStrain: an edge that is late for ten seconds in a row says so once, and once more when it
// was in time for a minute. Nine late seconds, or late ones among others, are nothing.
func TestStrain(t *testing.T) {
	const late, inTime = 300 * time.Millisecond, 20 * time.Millisecond
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var s Strain
	for i, step := range []struct {
		by      time.Duration
		seconds int
		want    string // what is told in the last of them
	}{
		{late, 9, ""},
		{inTime, 1, ""},
		{late, 9, ""},
		{late, 1, "edge_strained warning"},
		{late, 100, ""},
		{inTime, 59, ""},
		{late, 1, ""},
		{inTime, 59, ""},
		{inTime, 1, "over info"},
		{inTime, 100, ""},
		{late, 10, "edge_strained warning"},
	} {
		got := ""
		for n := range step.seconds {
			now = now.Add(time.Second)
			if e := s.Step(now, "fra-1", step.by); e != nil {
				got = fmt.Sprint(e.Kind, " ", e.Severity)
				if n+1 < step.seconds {
					t.Errorf("step %d: told after %d of %d seconds", i, n+1, step.seconds)
				}
			}
		}
		if got != step.want {
			t.Errorf("step %d: %q is told, want %q", i, got, step.want)
		}
	}
	if len(s.Open()) != 1 {
		t.Error("it is not open in the end")
	}
}
