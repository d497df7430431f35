package theriac_test

import (
	"fmt"
	"go/ast"
)

// checkSometimes: a rate.Sometimes without an interval runs once in its life, so that its log
// line is never written again. Each folder that has one gives it an interval.
func checkSometimes(r *repository) (complaints []string) {
	for _, dir := range r.dirs() {
		var declared, given int
		var first string
		for _, f := range r.in(dir) {
			if f.test {
				continue
			}
			ast.Inspect(f.tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Field:
					if isSometimes(n.Type) {
						declared++
						first = f.at(n)
					}
				case *ast.CompositeLit:
					if isSometimes(n.Type) && len(n.Elts) == 1 && keyOf(n.Elts[0]) == "Interval" {
						given++
					}
				}
				return true
			})
		}
		if declared > given {
			complaints = append(complaints, fmt.Sprintf("%s: a rate.Sometimes is not given an Interval, and would run once in its life", first))
		}
	}
	return complaints
}

func isSometimes(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Sometimes"
}

func keyOf(e ast.Expr) string {
	if pair, ok := e.(*ast.KeyValueExpr); ok {
		if name, ok := pair.Key.(*ast.Ident); ok {
			return name.Name
		}
	}
	return ""
}
