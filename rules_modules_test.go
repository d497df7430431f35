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
func checkDirectives(h *house) (complaints []string) {
	for _, f := range h.sources {
		if !strings.HasPrefix(f.dir, "modules") || f.test {
			continue
		}
		for _, name := range directives(f) {
			if want := "shop_" + path.Base(f.dir); name != "shield" && name != want {
				complaints = append(complaints, fmt.Sprintf("%s registers %s: a stage is named after its folder, %s", f.name, name, want))
			}
			page := "docs/directives/" + name + ".md"
			complaint := fmt.Sprintf("%s has no page: give it %s, which begins with \"# `%s`\"", name, page, name)
			if !bytes.HasPrefix(h.files[page], []byte("# `"+name+"`")) && !slices.Contains(complaints, complaint) {
				complaints = append(complaints, complaint)
			}
		}
	}
	for _, name := range h.names(".md") {
		if path.Dir(name) != "docs/directives" || path.Base(name) == "README.md" {
			continue
		}
		var headings []string
		for line := range strings.Lines(string(h.files[name])) {
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

// A requirement is one line of go.mod.
type requirement struct {
	path     string
	indirect bool
	forTests bool // it stands in a block under the comment testBlock
}

const testBlock = "// Test dependencies."

// checkGoMod: no replaced module, and what only tests need stands apart, so
// that a reader sees what the product is made of.
func checkGoMod(h *house) (complaints []string) {
	for _, name := range h.names("go.mod") {
		for line := range strings.Lines(string(h.files[name])) {
			if strings.HasPrefix(strings.TrimSpace(line), "replace") {
				complaints = append(complaints, name+" replaces a module: nobody who builds us from outside would get that; send the change upstream")
			}
		}
	}
	for _, required := range requirements(string(h.files["go.mod"])) {
		if required.indirect {
			continue
		}
		product, tests := h.whoImports(required.path)
		switch {
		case tests && !product && !required.forTests:
			complaints = append(complaints, fmt.Sprintf("go.mod: only tests import %s: move it to a require block of its own under the line %q", required.path, testBlock))
		case product && required.forTests:
			complaints = append(complaints, fmt.Sprintf("go.mod: the product imports %s: move it out of the block of test dependencies", required.path))
		}
	}
	return complaints
}

// whoImports reports whether the product and whether tests import a module.
func (h *house) whoImports(module string) (product, tests bool) {
	for _, f := range h.sources {
		for _, imported := range f.imports() {
			switch {
			case imported != module && !strings.HasPrefix(imported, module+"/"):
			case f.test || strings.HasPrefix(f.dir, "test/"):
				tests = true
			default:
				product = true
			}
		}
	}
	return product, tests
}

// requirements reads the require lines of a go.mod.
func requirements(mod string) (all []requirement) {
	block, forTests, last := false, false, ""
	for line := range strings.Lines(mod) {
		line = strings.TrimSpace(line)
		rest, single := strings.CutPrefix(line, "require ")
		switch {
		case line == "require (":
			block, forTests = true, last == testBlock
		case block && line == ")":
			block = false
		case block && line == testBlock:
			forTests = true
		case block && line != "" && !strings.HasPrefix(line, "//"), single:
			fields := strings.Fields(rest)
			all = append(all, requirement{
				path:     fields[0],
				indirect: strings.Contains(line, "// indirect"),
				forTests: block && forTests,
			})
		}
		last = line
	}
	return all
}
