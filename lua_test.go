package theriac_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkLua: a script belongs to the one Go file beside it that embeds it.
func checkLua(r *repository) (complaints []string) {
	for _, script := range r.names(".lua") {
		dir := strings.TrimPrefix(path.Dir(script), ".")
		var by []string
		for _, f := range r.in(dir) {
			if embeds(f, path.Base(script)) {
				by = append(by, f.name)
			}
		}
		if len(by) != 1 {
			complaints = append(complaints, fmt.Sprintf("%s is embedded by %q: exactly one Go file beside it must say //go:embed %s", script, by, path.Base(script)))
		}
	}
	return complaints
}

// embeds reports whether the file has a go:embed line for name.
func embeds(f *source, name string) bool {
	for _, group := range f.tree.Comments {
		for _, comment := range group.List {
			patterns, ok := strings.CutPrefix(comment.Text, "//go:embed ")
			if ok && slices.ContainsFunc(strings.Fields(patterns), func(pattern string) bool {
				matched, err := path.Match(strings.Trim(pattern, "\"`"), name)
				return matched && err == nil
			}) {
				return true
			}
		}
	}
	return false
}
