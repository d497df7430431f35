package edge

import (
	"strings"
	"testing"
)

// A line of a log has each key once.
func TestFaultyLines(t *testing.T) {
	for line, want := range map[string]string{
		`{"level":"info","ts":1.5,"msg":"x","matches":[{"rule":1},{"rule":2}],"headers":{"A":["b","c"]}}`: "",
		`{"level":"info","shop":"loewen","level":"2 attack"}`:                                             `duplicate key "level"`,
		`{"a":{"b":1,"b":2}}`:   `duplicate key "b"`,
		`{"a":[{"b":1,"b":2}]}`: `duplicate key "b"`,
		`{"a":1,"b":{"a":2}}`:   "",
		`{"a":1`:                "unexpected EOF",
		`shop level 2`:          "",
	} {
		got := strings.Join(faultyLines("{}\n"+line+"\n"), "; ")
		if (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	if got := faultyLines(`{"a":1`); got != nil {
		t.Errorf("a line that is still being written: %q", got)
	}
}
