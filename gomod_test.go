package theriac_test

import (
	"fmt"
	"strings"
)

// A requirement is one line of go.mod.
type requirement struct {
	path     string
	indirect bool
	forTests bool // it stands in a block under the comment testBlock
}

const testBlock = "// Test dependencies."

// checkGoMod: no replaced module, and what only tests need stands apart, so
// that a reader sees what the product is made of.
func checkGoMod(r *repository) (complaints []string) {
	for _, name := range r.names("go.mod") {
		for line := range strings.Lines(string(r.files[name])) {
			if strings.HasPrefix(strings.TrimSpace(line), "replace") {
				complaints = append(complaints, name+" replaces a module: a build from outside would ignore it; send the change upstream")
			}
		}
	}
	for _, required := range requirements(string(r.files["go.mod"])) {
		if required.indirect {
			continue
		}
		product, tests := r.importedBy(required.path)
		switch {
		case tests && !product && !required.forTests:
			complaints = append(complaints, fmt.Sprintf("go.mod: only tests import %s: move it to a require block of its own under the line %q", required.path, testBlock))
		case product && required.forTests:
			complaints = append(complaints, fmt.Sprintf("go.mod: the product imports %s: move it out of the block of test dependencies", required.path))
		}
	}
	return complaints
}

// importedBy reports whether the product and whether tests import a module.
func (r *repository) importedBy(module string) (product, tests bool) {
	for _, f := range r.sources {
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
