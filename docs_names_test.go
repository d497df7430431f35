package theriac_test

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// These rules hold the documentation to the code, in both directions: what the
// code has is documented, and what is documented exists.

// both compares the names of a kind that the code has with those that a page
// documents.
func both(kind, page string, code, docs map[string]bool) (complaints []string) {
	for _, name := range slices.Sorted(maps.Keys(code)) {
		if !docs[name] {
			complaints = append(complaints, fmt.Sprintf("%s: %s %s is not documented: add it", page, kind, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if !code[name] {
			complaints = append(complaints, fmt.Sprintf("%s: the code has no %s %s: correct the page", page, kind, name))
		}
	}
	return complaints
}

const (
	metricsPage  = "docs/operations/metrics.md"
	adminPage    = "docs/operations/admin-api.md"
	scrubberPage = "docs/scrubber.md"
	routedPage   = "docs/routed.md"
	depsPage     = "docs/design/dependencies.md"
)

// checkReasons: both tables of reasons are the lists of the programs.
func checkReasons(r *repository) []string {
	agent := r.namesOf("scrub", "agentReasonNames")
	maps.Copy(agent, r.namesOf("scrub/agent", "reasonNames"))
	return slices.Concat(
		both("reason", scrubberPage, r.namesOf("scrub", "reasonNames"), firstSpans(r, scrubberPage, "reason")),
		both("reason", routedPage, agent, firstSpans(r, routedPage, "reason")))
}

// namesOf returns the texts of a folder's variable that is a list of names.
func (r *repository) namesOf(dir, variable string) map[string]bool {
	names := map[string]bool{}
	for _, f := range r.product(dir) {
		maps.Copy(names, namesIn(f, variable))
	}
	return names
}

// namesIn returns those of one file, or the text of a constant.
func namesIn(f *source, variable string) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != variable || len(spec.Values) != 1 {
			return true
		}
		if text, ok := literal(spec.Values[0]); ok { // a constant
			names[text] = true
		}
		if list, ok := spec.Values[0].(*ast.CompositeLit); ok {
			for _, element := range list.Elts {
				if kv, ok := element.(*ast.KeyValueExpr); ok {
					element = kv.Value
				}
				if text, ok := literal(element); ok {
					names[text] = true
				}
			}
		}
		return true
	})
	return names
}

// firstSpans returns what the first column of a page's tables has between
// backticks, of tables whose head begins with one of the words.
func firstSpans(r *repository, page string, heads ...string) map[string]bool {
	names := map[string]bool{}
	for _, t := range tablesOf(page, string(r.files[page])) {
		first, _, _ := strings.Cut(t.head[0], " ")
		if !slices.Contains(heads, first) {
			continue
		}
		for _, row := range t.rows {
			for _, span := range spansOf(row[0]) {
				names[span] = true
			}
		}
	}
	return names
}

// checkPolicyOptions: the option tables of scrubd are the YAML keys of its two
// policy files.
func checkPolicyOptions(r *repository) []string {
	docs := map[string]bool{}
	for _, page := range []string{scrubberPage, routedPage} {
		maps.Copy(docs, firstSpans(r, page, "option"))
	}
	return both("option", scrubberPage+" or "+routedPage, r.policyOptions(), docs)
}

func (r *repository) policyOptions() map[string]bool {
	options := map[string]bool{}
	for _, dir := range []string{"scrub", "scrub/agent", "scrubd/policyfile"} {
		for _, f := range r.product(dir) {
			for _, tag := range tagsOf(f.tree, "yaml") {
				options[tag] = true
			}
		}
	}
	return options
}

// checkRoutes: the admin page has every route of the edge and of scrubd.
func checkRoutes(r *repository) []string {
	code, docs := map[string]bool{}, map[string]bool{}
	for _, f := range r.sources {
		if f.test || !strings.HasPrefix(f.dir, "modules/") && !strings.HasPrefix(f.dir, "scrubd/") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text := r.textOf(f, e); scrubdRoute.MatchString(text) || edgeRoute.MatchString(text) {
					code[text] = true
				}
			}
			return true
		})
	}
	for _, span := range spansOf(proseOf(string(r.files[adminPage]))) {
		method, route, _ := strings.Cut(span, " ")
		switch {
		case edgeRoute.MatchString(route) && method != "":
			docs[route] = true
		case scrubdRoute.MatchString(span):
			docs[span] = true
		}
	}
	return both("route", adminPage, code, docs)
}

// textOf returns the text of a literal, of a constant of ours, or of a sum of them.
func (r *repository) textOf(f *source, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := literal(e)
		return text
	case *ast.BinaryExpr:
		if left, right := r.textOf(f, e.X), r.textOf(f, e.Y); left != "" && right != "" {
			return left + right
		}
	case *ast.SelectorExpr:
		dir, name := r.typeOf(f, e)
		for _, other := range r.product(dir) {
			for text := range namesIn(other, name) {
				return text
			}
		}
	}
	return ""
}

var (
	edgeRoute   = regexp.MustCompile(`^/shield/[a-z]+$`)
	scrubdRoute = regexp.MustCompile(`^(GET|POST|PUT|DELETE) /[a-z]+$`)
)

// checkDependencies: each direct dependency has its line, and no other.
func checkDependencies(r *repository) []string {
	code := map[string]bool{}
	for _, required := range requirements(string(r.files["go.mod"])) {
		if !required.indirect {
			code[required.path] = true
		}
	}
	inTools := false
	for line := range strings.Lines(string(r.files["tools/go.mod"])) {
		line = strings.TrimSpace(line)
		switch {
		case line == "tool (":
			inTools = true
		case line == ")":
			inTools = false
		case inTools:
			code[line] = true
		}
	}
	return both("dependency", depsPage, code, firstSpans(r, depsPage, "module", "tool"))
}

// pages returns the Markdown files that describe what is, not what was.
func (r *repository) pages() []string {
	return slices.DeleteFunc(r.names(".md"), func(name string) bool {
		return name == "CHANGELOG.md" || strings.Contains(name, "testdata/")
	})
}

// product returns the Go files of a folder that are no tests.
func (r *repository) product(dir string) []*source {
	return slices.DeleteFunc(r.in(dir), func(f *source) bool { return f.test })
}

func setOf(names func(func(string) bool)) map[string]bool {
	set := map[string]bool{}
	for name := range names {
		set[name] = true
	}
	return set
}
