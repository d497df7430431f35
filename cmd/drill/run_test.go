package main

import (
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/hint"
)

// A missed target is named, and whether the generator may be to blame.
func TestMissedTargets(t *testing.T) {
	run := &record.Run{Shops: []*record.Shop{{Seconds: make([]record.Second, 60)}}}
	if err := missed([]*record.Run{run}); err != nil {
		t.Errorf("without targets: %v", err)
	}
	run.Verdicts = []record.Verdict{{Target: "success at loewen", Want: "at least 97%", Got: "88%"}, {Target: "lost", Want: "at most 0", Got: "0", Met: true}}
	err := missed([]*record.Run{run})
	if want := "missed 1 targets:\n  success at loewen: want at least 97%, got 88%"; err == nil || err.Error() != want || hint.Of(err) != "" {
		t.Errorf("%v, try %q; want %q", err, hint.Of(err), want)
	}
	run.Generator.LateSeconds = []int{1, 2, 3, 4, 5, 6, 7}
	if err := missed([]*record.Run{run}); !strings.Contains(hint.Of(err), "the generator was the limit") {
		t.Errorf("a generator that was late in 7 of 60 seconds: %v, try %q", err, hint.Of(err))
	}
}
