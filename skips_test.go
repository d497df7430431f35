package theriac_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// checkSkips: only test/need skips, as THERIAC_REQUIRE must be able to forbid it.
func checkSkips(r *repository) (complaints []string) {
	skips := strings.Fields("Skip Skipf SkipNow")
	for _, f := range r.sources {
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
