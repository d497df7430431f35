package theriac_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkMainPackages: cmd/scrubd and cmd/drill hold commands and what they print. What
// they run is in scrubd and drill, where it can be tested without a command line.
func checkMainPackages(r *repository) (complaints []string) {
	besides := strings.Fields("main.go main_other.go doc.go output.go")
	for _, f := range r.sources {
		if f.test || f.dir != "cmd/scrubd" && f.dir != "cmd/drill" || slices.Contains(besides, path.Base(f.name)) {
			continue
		}
		if !slices.Contains(f.imports(), "github.com/spf13/cobra") {
			complaints = append(complaints, fmt.Sprintf("%s has no command: move it below %s/, or what it prints into output.go", f.name, path.Base(f.dir)))
		}
	}
	return complaints
}
