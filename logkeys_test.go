package theriac_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// reservedKeys are those that the encoders of Caddy's logs (zap) and scrubd's (slog)
// write themselves: a field of that name would be a second one in the same line.
const reservedKeys = "level ts logger msg caller stacktrace time source"

// checkLogKeys: no field of a log line is named as another one of the same line.
func checkLogKeys(r *repository) (complaints []string) {
	for _, f := range r.sources {
		if f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			var keys []string
			switch n := n.(type) {
			case *ast.CallExpr:
				keys = keysOf(n)
			case *ast.CompositeLit: // such as []zap.Field
				for _, e := range n.Elts {
					if field, ok := e.(*ast.CallExpr); ok {
						keys = append(keys, keyOfField(field)...)
					}
				}
			}
			for i, key := range keys {
				if slices.Contains(strings.Fields(reservedKeys), key) || slices.Contains(keys[:i], key) {
					complaints = append(complaints, fmt.Sprintf("%s: a log line would have the key %q twice: name the field otherwise", f.at(n), key))
				}
			}
			return true
		})
	}
	return complaints
}

// keysOf returns the keys of the fields that a call logs or prepares.
func keysOf(call *ast.CallExpr) (keys []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if from, ok := method.X.(*ast.Ident); ok && from.Name == "zap" {
		return nil // a part of the call around it
	}
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error":
		call = &ast.CallExpr{Args: call.Args[min(1, len(call.Args)):]}
	case "With":
	default:
		return nil
	}
	for i, arg := range call.Args {
		if field, ok := arg.(*ast.CallExpr); ok {
			keys = append(keys, keyOfField(field)...)
		} else if key, ok := textOf(arg); ok && i%2 == 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

// keyOfField returns the key of a field such as zap.String("key", value).
func keyOfField(field *ast.CallExpr) []string {
	method, ok := field.Fun.(*ast.SelectorExpr)
	if !ok || len(field.Args) == 0 {
		return nil
	}
	if from, ok := method.X.(*ast.Ident); !ok || from.Name != "zap" && from.Name != "slog" {
		return nil
	}
	if key, ok := textOf(field.Args[0]); ok {
		return []string{key}
	}
	if method.Sel.Name == "Error" {
		return []string{"error"}
	}
	return nil
}

func textOf(e ast.Expr) (text string, ok bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
