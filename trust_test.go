package theriac_test

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
)

// trustWriters are the functions that may assign the field Trust of a visit: the
// rule is said at shop.Visit.Trust.
var trustWriters = map[string]string{
	"modules/visit Handler.ServeHTTP":      "what the request looks like",
	"modules/limit Handler.check":          "the client is near one of its limits",
	"modules/limit Handler.checkStranger":  "strangers have used up their part of a subnet or site",
	"modules/challenge Handler.ServeHTTP":  "the visitor has a pass, or was a customer before",
	"modules/challenge Handler.serveClaim": "the sender has a pass, beyond what passes without one",
}

// checkTrust: the trust of a visit changes in the listed functions only, so that
// what a stage finds in it can be explained.
func checkTrust(r *repository) (complaints []string) {
	for _, f := range r.sources {
		if f.test {
			continue
		}
		for _, decl := range f.tree.Decls {
			name := f.dir + " " + nameOf(decl)
			ast.Inspect(decl, func(n ast.Node) bool {
				if writesTrust(n) && trustWriters[name] == "" {
					complaints = append(complaints, fmt.Sprintf("%s writes Trust in %s; only %q may, see shop.Visit.Trust",
						f.at(n), name, slices.Sorted(maps.Keys(trustWriters))))
				}
				return true
			})
		}
	}
	return complaints
}

// writesTrust reports whether a node gives a field Trust another value, or hands
// out its address.
func writesTrust(n ast.Node) bool {
	isTrust := func(e ast.Expr) bool {
		field, ok := e.(*ast.SelectorExpr)
		return ok && field.Sel.Name == "Trust"
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		return slices.ContainsFunc(n.Lhs, isTrust)
	case *ast.IncDecStmt:
		return isTrust(n.X)
	case *ast.UnaryExpr:
		return n.Op.String() == "&" && isTrust(n.X)
	case *ast.KeyValueExpr:
		key, ok := n.Key.(*ast.Ident)
		return ok && key.Name == "Trust"
	}
	return false
}

// nameOf is a function as "Type.method" or "function"; "" of other declarations.
func nameOf(decl ast.Decl) string {
	f, ok := decl.(*ast.FuncDecl)
	if !ok {
		return ""
	}
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	receiver := f.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if name, ok := receiver.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}
