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

var metricName = regexp.MustCompile(`\btheriac_[a-z0-9_]+[a-z0-9]\b`)

// checkMetrics: the tables of the metrics page are the metrics of the code, with
// their labels and the values of these, and no other page names a metric that
// does not exist or gives it other labels.
func checkMetrics(r *repository) (complaints []string) {
	code, docs, texts := r.metrics(), map[string]bool{}, r.texts()
	for _, page := range r.pages() {
		for _, t := range tablesOf(page, string(r.files[page])) {
			column := slices.Index(t.head, "labels")
			if t.head[0] != "metric" || column < 0 {
				continue
			}
			for _, row := range t.rows {
				names := spansOf(row[0])
				if len(names) != 1 || len(row) <= column {
					complaints = append(complaints, fmt.Sprintf("%s: the row %q is not one metric with its labels", page, strings.Join(row, " | ")))
					continue
				}
				labels, values := labelsOf(row[column])
				if want, ok := code[names[0]]; ok && !slices.Equal(labels, want) {
					complaints = append(complaints, fmt.Sprintf("%s: %s has the labels %q, not %q", page, names[0], want, labels))
				}
				if page != metricsPage {
					continue
				}
				docs[names[0]] = true
				for _, value := range values {
					if !texts[value] && !digits.MatchString(value) {
						complaints = append(complaints, fmt.Sprintf("%s: no label of %s can be %q: correct the page", page, names[0], value))
					}
				}
			}
		}
	}
	complaints = append(complaints, both("metric", metricsPage, setOf(maps.Keys(code)), docs)...)
	for _, page := range r.pages() {
		for _, name := range metricName.FindAllString(string(r.files[page]), -1) {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if _, ok := code[base]; !ok && page != metricsPage {
				complaints = append(complaints, fmt.Sprintf("%s: the code has no metric %s: correct the page", page, name))
			}
		}
	}
	return complaints
}

// digits are values that the code writes from a number: of a status, of a level.
var digits = regexp.MustCompile(`^[0-9](xx)?$`)

// texts returns every string literal of the product.
func (r *repository) texts() map[string]bool {
	all := map[string]bool{}
	for _, f := range r.sources {
		if f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				if text, ok := literal(e); ok {
					all[text] = true
				}
			}
			return true
		})
	}
	return all
}

// labelsOf reads the names of labels, which stand before the colon of each part,
// and their values.
func labelsOf(cell string) (labels, values []string) {
	labels = []string{}
	for part := range strings.SplitSeq(cell, ";") {
		names, are, _ := strings.Cut(part, ":")
		labels, values = append(labels, spansOf(names)...), append(values, spansOf(are)...)
	}
	return labels, values
}

// metrics returns the metrics of the product and their labels. A function that
// makes a description from a prefix of its own counts with each name that its
// package gives it.
func (r *repository) metrics() map[string][]string {
	all := map[string][]string{}
	for _, dir := range r.dirs() {
		helpers := map[string]string{}
		for _, f := range r.product(dir) {
			ast.Inspect(f.tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					if prefix, ok := metricHelper(n); ok {
						helpers[n.Name.Name] = prefix
					}
				case *ast.CompositeLit: // prometheus.CounterOpts{Name: "theriac_…"}
					if name, ok := metricOpts(n); ok && all[name] == nil {
						all[name] = []string{}
					}
				case *ast.CallExpr:
					if name, labels, ok := metricCall(n); ok {
						all[name] = labels
					}
				}
				return true
			})
		}
		for _, f := range r.product(dir) {
			ast.Inspect(f.tree, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				fun, ok := call.Fun.(*ast.Ident)
				if !ok {
					return true
				}
				prefix, isHelper := helpers[fun.Name]
				if name, ok := literal(call.Args[0]); ok && isHelper {
					all[prefix+name] = literals(call.Args[min(2, len(call.Args)):])
				}
				return true
			})
		}
	}
	return all
}

// metricHelper reports whether a function makes a description of prefix+name.
func metricHelper(fun *ast.FuncDecl) (prefix string, ok bool) {
	ast.Inspect(fun, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if !isCall || called(call) != "NewDesc" {
			return true
		}
		if sum, isSum := call.Args[0].(*ast.BinaryExpr); isSum {
			prefix, ok = literal(sum.X)
		}
		return true
	})
	return prefix, ok
}

func metricOpts(lit *ast.CompositeLit) (name string, ok bool) {
	kind, ok := lit.Type.(*ast.SelectorExpr)
	if !ok || !strings.HasSuffix(kind.Sel.Name, "Opts") {
		return "", false
	}
	for _, element := range lit.Elts {
		if kv, isKV := element.(*ast.KeyValueExpr); isKV {
			if key, isIdent := kv.Key.(*ast.Ident); isIdent && key.Name == "Name" {
				return literal(kv.Value)
			}
		}
	}
	return "", false
}

// metricCall reads NewDesc("theriac_…", help, labels, nil) and New…Vec(opts, labels).
func metricCall(call *ast.CallExpr) (name string, labels []string, ok bool) {
	switch fun := called(call); {
	case fun == "NewDesc" && len(call.Args) == 4:
		name, ok = literal(call.Args[0])
		return name, literalsOf(call.Args[2]), ok
	case strings.HasPrefix(fun, "New") && strings.HasSuffix(fun, "Vec") && len(call.Args) == 2:
		if opts, isLit := call.Args[0].(*ast.CompositeLit); isLit {
			name, ok = metricOpts(opts)
			return name, literalsOf(call.Args[1]), ok
		}
	}
	return "", nil, false
}

func called(call *ast.CallExpr) string {
	if fun, ok := call.Fun.(*ast.SelectorExpr); ok {
		return fun.Sel.Name
	}
	return ""
}

// literalsOf returns the texts of a []string{…}.
func literalsOf(e ast.Expr) []string {
	if lit, ok := e.(*ast.CompositeLit); ok {
		return literals(lit.Elts)
	}
	return []string{}
}

func literals(all []ast.Expr) []string {
	texts := []string{}
	for _, e := range all {
		if text, ok := literal(e); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

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

// namesIn returns those of one file.
func namesIn(f *source, variable string) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != variable || len(spec.Values) != 1 {
			return true
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
				if text, ok := literal(e); ok && (scrubdRoute.MatchString(text) || edgeRoute.MatchString(text)) {
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
