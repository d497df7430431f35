package theriac_test

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const benchPage = "docs/performance.md"

// checkBenches: the figures have a line for each bench, with the budget that the
// code has. Those of the firewall are made from its requests and not compared.
func checkBenches(r *repository) (complaints []string) {
	code, docs := r.benches(), map[string]string{}
	for _, t := range tablesOf(benchPage, string(r.files[benchPage])) {
		column := slices.Index(t.head, "budget")
		if t.head[0] != "line" || column < 0 {
			continue
		}
		for _, row := range t.rows {
			for _, name := range spansOf(row[0]) {
				if !strings.HasPrefix(name, "waf_") && !strings.HasPrefix(name, "sieve_") {
					docs[name] = budgetOf(row[column])
				}
			}
		}
	}
	complaints = both("bench", benchPage, setOf(maps.Keys(code)), setOf(maps.Keys(docs)))
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if want, ok := code[name]; ok && docs[name] != want {
			complaints = append(complaints, fmt.Sprintf("%s: the budget of %s is %q, not %q", benchPage, name, want, docs[name]))
		}
	}
	return complaints
}

// benches returns the budgets of the benches that a run without flags measures.
func (r *repository) benches() map[string]string {
	all := map[string]string{}
	for _, f := range r.sources {
		if f.test || f.dir != "drill/bench" {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			fields := map[string]ast.Expr{}
			for _, element := range lit.Elts {
				if kv, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := kv.Key.(*ast.Ident); ok {
						fields[key.Name] = kv.Value
					}
				}
			}
			name, named := literal(fields["Name"])
			if !named || fields["Budget"] == nil || fields["OnlyAsked"] != nil {
				return true
			}
			budget, _ := literal(fields["Budget"])
			all[name] = budgetOf(budget)
			return true
		})
	}
	return all
}

// budgetOf writes a budget in one way: of the code (1.3, 7.., 0.97..1.02), or of
// the page (≤ 1.30, ≥ 7, none).
func budgetOf(text string) string {
	text = strings.TrimPrefix(text, "≤ ")
	if least, ok := strings.CutPrefix(text, "≥ "); ok {
		text = least + ".."
	}
	if text == "none" {
		return ""
	}
	from, to, ranged := strings.Cut(text, "..")
	short := func(number string) string {
		if n, err := strconv.ParseFloat(number, 64); err == nil {
			return strconv.FormatFloat(n, 'g', -1, 64)
		}
		return number
	}
	if ranged {
		return short(from) + ".." + short(to)
	}
	return short(from)
}
