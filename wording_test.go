package theriac_test

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// These two are put together here so that this file keeps its own rules.
var (
	later      = regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME|` + "X" + `XX)\b`)
	oneMachine = regexp.MustCompile(`(^|[^\w./~$}*-])/(` + `work|root|home|Users` + `)/[\w.]`)
)

// checkWords: what is left for later is an issue, not a comment.
func checkWords(r *repository) (complaints []string) {
	for _, name := range r.names(".go", ".c", ".h", ".js", ".mjs", ".lua", ".html", ".css", "Caddyfile", ".caddyfile", ".sh", "scripts/test") {
		for i, line := range bytes.Split(r.files[name], []byte("\n")) {
			if word := later.Find(line); word != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d says %s: do it, or file an issue", name, i+1, word))
			}
		}
	}
	return complaints
}

// checkPaths: nothing that is true on one developer's machine only.
func checkPaths(r *repository) (complaints []string) {
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		for i, line := range bytes.Split(r.files[name], []byte("\n")) {
			if found := oneMachine.Find(line); found != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d names a path of one machine (%s): make it relative", name, i+1, bytes.TrimSpace(found)))
			}
		}
	}
	return complaints
}
