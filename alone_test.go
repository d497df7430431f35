package theriac_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// besideOthers are the packages whose tests start edges and measure nothing: they wait for
// what comes, and their bounds hold on a busy machine.
var besideOthers = []string{"test/alerts", "test/audit", "test/incidents", "test/multipart", "test/replay", "test/wire"}

// checkAlone: tests that start edges, or a network of namespaces, measure what
// others beside them would spoil. scripts/test finds the call by its line.
func checkAlone(r *repository) (complaints []string) {
	for _, dir := range r.dirs() {
		files := slices.DeleteFunc(r.in(dir), func(f *source) bool { return !f.test && !strings.HasPrefix(f.dir, "test/") })
		if !slices.ContainsFunc(files, func(f *source) bool { return f.test }) {
			continue
		}
		starts := slices.ContainsFunc(files, func(f *source) bool {
			return slices.Contains(f.imports(), r.module+"/test/edge") || f.calls("lab", "New") != nil
		})
		alone := false
		for _, f := range files {
			if call := f.calls("need", "Alone"); call != nil {
				alone = true
				if !f.test || !strings.Contains(string(r.files[f.name]), "\nfunc TestMain(m *testing.M) {\n\tneed.Alone()\n") {
					complaints = append(complaints, f.at(call)+" calls need.Alone: only the first line of a TestMain may")
				}
			}
		}
		if beside := slices.Contains(besideOthers, dir); beside && alone {
			complaints = append(complaints, dir+" calls need.Alone, and is in besideOthers: one of both is wrong")
		} else if starts && !alone && !beside {
			complaints = append(complaints, fmt.Sprintf("the tests of %s start edges or a network: let the first line of their TestMain be need.Alone(), or name it in besideOthers", dir))
		}
	}
	return complaints
}

// calls returns the first call of a function of another package, or nil.
func (f *source) calls(pkg, name string) (found ast.Node) {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found != nil {
			return found == nil
		}
		if fun, ok := call.Fun.(*ast.SelectorExpr); ok && fun.Sel.Name == name {
			if on, ok := fun.X.(*ast.Ident); ok && on.Name == pkg {
				found = call
			}
		}
		return true
	})
	return found
}
