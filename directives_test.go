package theriac_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// pageHeadings are those of each page in docs/directives, in this order.
var pageHeadings = strings.Fields("Summary Syntax Options JSON Examples Metrics Failure")

// checkDirectives: what an operator can write in a Caddyfile is named after its
// folder, cannot clash with other people's plugins, and has a page in the
// documents, where everything stands under the same headings.
func checkDirectives(r *repository) (complaints []string) {
	for _, f := range r.sources {
		if !strings.HasPrefix(f.dir, "modules") || f.test {
			continue
		}
		for _, name := range directives(f) {
			if want := "shop_" + path.Base(f.dir); name != "shield" && name != want {
				complaints = append(complaints, fmt.Sprintf("%s registers %s: a stage is named after its folder, %s", f.name, name, want))
			}
			page := "docs/directives/" + name + ".md"
			complaint := fmt.Sprintf("%s has no page: give it %s, which begins with \"# `%s`\"", name, page, name)
			if !bytes.HasPrefix(r.files[page], []byte("# `"+name+"`")) && !slices.Contains(complaints, complaint) {
				complaints = append(complaints, complaint)
			}
		}
	}
	for _, name := range r.names(".md") {
		if path.Dir(name) != "docs/directives" || path.Base(name) == "README.md" {
			continue
		}
		var headings []string
		for line := range strings.Lines(string(r.files[name])) {
			if heading, ok := strings.CutPrefix(line, "## "); ok {
				headings = append(headings, strings.TrimSpace(heading))
			}
		}
		if !slices.Equal(headings, pageHeadings) {
			complaints = append(complaints, fmt.Sprintf("%s has the headings %q: each page of a directive has %q, in this order", name, headings, pageHeadings))
		}
	}
	return complaints
}

// directives returns the names that a file gives to Caddy: of directives, of
// the global option, of stages (field Directive) and of modules (field ID).
func directives(f *source) (names []string) {
	add := func(name string, ok bool) {
		if ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	registers := strings.Fields("RegisterDirective RegisterHandlerDirective RegisterGlobalOption")
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 && slices.Contains(registers, fun.Sel.Name) {
				add(literal(n.Args[0]))
			}
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			switch name, isText := literal(n.Value); {
			case !ok || !isText:
			case key.Name == "Directive":
				add(name, true)
			case key.Name == "ID":
				name = name[strings.LastIndex(name, ".")+1:]
				add(name, strings.HasPrefix(name, "shop_"))
			}
		}
		return true
	})
	return names
}
