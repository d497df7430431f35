package install

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// rights are what a page, or a hint, has the store's user be allowed.
var rights = regexp.MustCompile(`resetchannels '?~theriac:[^` + "`" + `\n]*`)

// TestRights: all pages and the hint of a store that refuses say the same of the user.
func TestRights(t *testing.T) {
	const want = "resetchannels ~theriac:* &theriac:* +@all -@admin -@dangerous +cluster|slots"
	for _, name := range []string{"docs/install.md", "docs/directives/shield.md", "docs/operations/running.md", "counters/tier/reason.go"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		found := rights.FindAllString(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s does not say what the user may do", name)
		}
		for _, got := range found {
			if got = strings.NewReplacer("'", "", `\`, "").Replace(got); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}
