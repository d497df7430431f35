//go:build linux

package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
)

// TestDriftIsLoggedOnce, and that it is over.
func TestDriftIsLoggedOnce(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	known := drift{known: make(map[string]bool)}
	for _, is := range []string{"2", "1", "1", "0", "2", "2", "1"} {
		known.log(log, []hostcheck.Sysctl{{Setting: scrub.Setting{Name: "net/one", Want: "2", Why: "reasons"}, Is: is}})
	}
	if got := strings.Count(lines.String(), "is not as the dataplane needs it"); got != 2 {
		t.Errorf("it is logged %d times that it is wrong, want 2:\n%s", got, lines.String())
	}
	if got := strings.Count(lines.String(), "is right again"); got != 1 {
		t.Errorf("it is logged %d times that it is right, want 1:\n%s", got, lines.String())
	}
}
