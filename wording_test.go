package theriac_test

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
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

// private are words that only the author would understand where the field has one
// of its own; see docs/glossary.md.
var private = regexp.MustCompile(`(?i)\b(` + strings.Join(strings.Fields(`
	audience desk errands hall shelf
`), "|") + `)\b`)

// checkPrivateWords: code and documents use the field's words.
func checkPrivateWords(r *repository) (complaints []string) {
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		if strings.Contains(name, "testdata/") || slices.Contains([]string{"wording_test.go", "controls_test.go"}, name) {
			continue
		}
		for i, line := range bytes.Split(r.files[name], []byte("\n")) {
			if word := private.Find(line); word != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d says %q: take the field's word, docs/glossary.md has it", name, i+1, word))
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
