// Command typecheck finds what does not compile on other systems:
//
//	go run -C tools ./typecheck darwin/arm64 windows/amd64
//
// It type-checks all packages of the product, their tests, and what they import,
// from source. That takes seconds where a build for a system takes minutes, as
// nothing is compiled or linked; it misses what only a linker finds.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	failed := false
	for _, system := range os.Args[1:] {
		complaints, err := check("..", system)
		if err != nil {
			complaints = append(complaints, err.Error())
		}
		for _, complaint := range complaints {
			fmt.Fprintf(os.Stderr, "%s: %s\n", system, complaint)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// check type-checks the packages below a folder for a system such as linux/arm64.
func check(dir, system string) (complaints []string, err error) {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return nil, fmt.Errorf("%q is not a system: want one such as linux/arm64", system)
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedDeps | packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax,
		Dir:   dir,
		Tests: true,
		Env:   append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch),
	}, "./...")
	if err != nil {
		return nil, err
	}
	if len(pkgs) == 0 {
		return nil, fmt.Errorf("there are no packages below %s", dir)
	}
	seen := map[string]bool{}
	packages.Visit(pkgs, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			if text := e.Error(); !seen[text] { // a package and its tests have one each
				seen[text] = true
				complaints = append(complaints, text)
			}
		}
	})
	return complaints, nil
}
