package theriac_test

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
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
