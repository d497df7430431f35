package theriac_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// checkDocs: every package says once what it is, where its code is.
func checkDocs(h *house) (complaints []string) {
	for _, dir := range h.dirs() {
		files := h.in(dir)
		onlyTests := !slices.ContainsFunc(files, func(f *source) bool { return !f.test })
		var documented []string
		for _, f := range files {
			if f.tree.Doc == nil || f.generated {
				continue
			}
			if f.test && !onlyTests {
				complaints = append(complaints, f.name+" has a package comment: move it to a file that is no test")
				continue
			}
			documented = append(documented, f.name)
			want := "Package " + strings.TrimSuffix(f.tree.Name.Name, "_test") + " "
			if f.tree.Name.Name == "main" {
				want = "Command " + path.Base(dir) + " "
			}
			if !strings.HasPrefix(f.tree.Doc.Text(), want) {
				complaints = append(complaints, fmt.Sprintf("%s: begin the package comment with %q", f.name, want))
			}
		}
		switch {
		case len(documented) == 0:
			complaints = append(complaints, orRoot(dir)+" has no package comment: say in one file what it does, where it stands and how it fails")
		case len(documented) > 1:
			complaints = append(complaints, fmt.Sprintf("%s has %d package comments: make one of those in %s", orRoot(dir), len(documented), strings.Join(documented, ", ")))
		}
	}
	return complaints
}

// checkNames: a package is named for what it is.
func checkNames(h *house) (complaints []string) {
	empty := strings.Fields("util utils common helper helpers misc shared base")
	for _, f := range h.sources {
		for _, name := range []string{path.Base(f.dir), f.tree.Name.Name} {
			if slices.Contains(empty, name) {
				complaints = append(complaints, fmt.Sprintf("%s is in a package named %s: name it for what it does", f.name, name))
				break
			}
		}
	}
	return complaints
}

// checkLengths: a file that is read at one sitting, and no stale exceptions.
func checkLengths(h *house, long map[string]string) (complaints []string) {
	generated := map[string]bool{}
	for _, f := range h.sources {
		generated[f.name] = f.generated
	}
	for _, name := range h.names(".go", ".c", ".js", ".lua") {
		lines := bytes.Count(h.files[name], []byte("\n"))
		if _, ok := long[name]; lines > 400 && !ok && !generated[name] {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines: split it by what it is about, or give longFiles the reason", name, lines))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(long)) {
		if bytes.Count(h.files[name], []byte("\n")) <= 400 {
			complaints = append(complaints, name+" has no more than 400 lines: take it off longFiles")
		}
		if strings.TrimSpace(long[name]) == "" {
			complaints = append(complaints, name+" stands on longFiles without a reason: give one")
		}
	}
	return complaints
}

// These two are put together here so that this file keeps its own rules.
var (
	later      = regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME|` + "X" + `XX)\b`)
	oneMachine = regexp.MustCompile(`(^|[^\w./~$}*-])/(` + `work|root|home|Users` + `)/[\w.]`)
)

// checkWords: what is left for later is an issue, not a comment.
func checkWords(h *house) (complaints []string) {
	for _, name := range h.names(".go", ".c", ".h", ".js", ".mjs", ".lua", ".html", ".css", "Caddyfile", ".caddyfile", ".sh", "scripts/test") {
		for i, line := range bytes.Split(h.files[name], []byte("\n")) {
			if word := later.Find(line); word != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d says %s: do it, or file an issue", name, i+1, word))
			}
		}
	}
	return complaints
}

// checkPaths: nothing that is true on one developer's machine only.
func checkPaths(h *house) (complaints []string) {
	for _, name := range slices.Sorted(maps.Keys(h.files)) {
		for i, line := range bytes.Split(h.files[name], []byte("\n")) {
			if found := oneMachine.Find(line); found != nil {
				complaints = append(complaints, fmt.Sprintf("%s:%d names a path of one machine (%s): make it relative", name, i+1, bytes.TrimSpace(found)))
			}
		}
	}
	return complaints
}

// checkSkips: only test/need skips, as THERIAC_REQUIRE must be able to forbid it.
func checkSkips(h *house) (complaints []string) {
	skips := strings.Fields("Skip Skipf SkipNow")
	for _, f := range h.sources {
		if f.name == "test/need/need.go" {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains(skips, method.Sel.Name) {
				return true
			}
			if on, ok := method.X.(*ast.Ident); ok && slices.Contains([]string{"t", "b", "f", "tb"}, on.Name) {
				complaints = append(complaints, fmt.Sprintf("%s calls %s.%s: ask test/need for what the test needs, it skips or fails as THERIAC_REQUIRE says", f.at(call), on.Name, method.Sel.Name))
			}
			return true
		})
	}
	return complaints
}

// checkLua: a script belongs to the one Go file beside it that embeds it.
func checkLua(h *house) (complaints []string) {
	for _, script := range h.names(".lua") {
		dir := strings.TrimPrefix(path.Dir(script), ".")
		var by []string
		for _, f := range h.in(dir) {
			if embeds(f, path.Base(script)) {
				by = append(by, f.name)
			}
		}
		if len(by) != 1 {
			complaints = append(complaints, fmt.Sprintf("%s is embedded by %q: exactly one Go file beside it must say //go:embed %s", script, by, path.Base(script)))
		}
	}
	return complaints
}

// embeds reports whether the file has a go:embed line for name.
func embeds(f *source, name string) bool {
	for _, group := range f.tree.Comments {
		for _, comment := range group.List {
			patterns, ok := strings.CutPrefix(comment.Text, "//go:embed ")
			if ok && slices.ContainsFunc(strings.Fields(patterns), func(pattern string) bool {
				matched, err := path.Match(strings.Trim(pattern, "\"`"), name)
				return matched && err == nil
			}) {
				return true
			}
		}
	}
	return false
}

// checkLicence: the licence is there, and is the one we say.
func checkLicence(h *house) []string {
	text := string(h.files["LICENSE"])
	if strings.Contains(text, "Apache License") && strings.Contains(text, "Version 2.0, January 2004") {
		return nil
	}
	return []string{"LICENSE is not the Apache License, Version 2.0: put the full text there"}
}
