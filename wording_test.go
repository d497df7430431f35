package theriac_test

import (
	"bytes"
	"fmt"
	"go/ast"
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
	audience desk errands gun hall house neighbourhood shelf
`), "|") + `)\b`)

// checkPrivateWords: code and documents use the field's words.
func checkPrivateWords(r *repository) (complaints []string) {
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		if strings.Contains(name, "testdata/") || slices.Contains([]string{"wording_test.go", "controls_test.go"}, name) || !private.Match(r.files[name]) {
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

// mostRelatives is below how many lines may say "who": a relative clause is no
// subject, see CONTRIBUTING.md. In quotes, or as who=, it is the field of an audit line.
const mostRelatives = 60

// checkRelatives: sentences name the actor, such as a client, a request or an edge.
func checkRelatives(r *repository) []string {
	relative, lines := regexp.MustCompile("(^|[^\"`\\w])who([^\"`=\\w]|$)"), 0
	for _, text := range r.files {
		for line := range bytes.Lines(text) {
			if relative.Match(line) {
				lines++
			}
		}
	}
	if lines < mostRelatives {
		return nil
	}
	return []string{fmt.Sprintf("%d lines say \"who\", fewer than %d may: name the client, the request, the edge that is meant", lines, mostRelatives)}
}

// unidiomatic is what our errors used to say for "not a valid X" and "duplicate X".
var unidiomatic = regexp.MustCompile(`(?i)(\bthere )?\bis no \w+|\bstands (twice|already)\b`)

// checkPhrases: what operators read is said in the words that they know.
func checkPhrases(r *repository) (complaints []string) {
	for _, f := range r.sources {
		if f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok {
				return true
			}
			text, _ := literal(lit)
			for _, found := range unidiomatic.FindAllString(text, -1) {
				if lower := strings.ToLower(found); !strings.HasPrefix(lower, "there ") && lower != "is no longer" {
					complaints = append(complaints, fmt.Sprintf("%s says %q: an error says \"not a valid X\" or \"duplicate X\"", f.at(lit), found))
				}
			}
			return true
		})
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
