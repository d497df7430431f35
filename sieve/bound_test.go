package sieve

import (
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

// TestBound: the rules are those that somebody has looked at. After an update, read what has
// changed in them, and then set the hash.
func TestBound(t *testing.T) {
	program, err := seclang.Read(coreruleset.FS, "Include @owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range bound {
		if got := hashOf(program, entry.first, entry.last); got != entry.hash {
			t.Errorf("rules %d to %d (%s) have changed: their hash is %s", entry.first, entry.last, entry.why, got)
		}
	}
	aside := unchanged(program)
	if len(aside) == 0 {
		t.Error("nothing is bound")
	}
	for _, r := range program.Rules {
		r.Text = strings.Replace(r.Text, "949110", "949111", 1)
	}
	if left := unchanged(program); len(left) > 0 {
		t.Errorf("a rule has changed, and %d are bound still", len(left))
	}
}
