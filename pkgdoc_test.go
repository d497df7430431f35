package theriac_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkDocs: every package says once what it is, where its code is.
func checkDocs(r *repository) (complaints []string) {
	for _, dir := range r.dirs() {
		files := r.in(dir)
		onlyTests := !slices.ContainsFunc(files, func(f *source) bool { return !f.test })
		var documented []string
		for _, f := range files {
			if f.tree.Doc == nil || f.generated {
				continue
			}
			if f.test && !onlyTests {
				complaints = append(complaints, f.name+" has a package comment: move it to a file that is no test")
				continue
			}
			documented = append(documented, f.name)
			want := "Package " + strings.TrimSuffix(f.tree.Name.Name, "_test") + " "
			if f.tree.Name.Name == "main" {
				want = "Command " + path.Base(dir) + " "
			}
			if !strings.HasPrefix(f.tree.Doc.Text(), want) {
				complaints = append(complaints, fmt.Sprintf("%s: begin the package comment with %q", f.name, want))
			}
		}
		switch {
		case len(documented) == 0:
			complaints = append(complaints, orRoot(dir)+" has no package comment: say in one file what it does, where it stands and how it fails")
		case len(documented) > 1:
			complaints = append(complaints, fmt.Sprintf("%s has %d package comments: make one of those in %s", orRoot(dir), len(documented), strings.Join(documented, ", ")))
		}
	}
	return complaints
}

// checkNames: a package is named for what it is.
func checkNames(r *repository) (complaints []string) {
	empty := strings.Fields("util utils common helper helpers misc shared base")
	for _, f := range r.sources {
		for _, name := range []string{path.Base(f.dir), f.tree.Name.Name} {
			if slices.Contains(empty, name) {
				complaints = append(complaints, fmt.Sprintf("%s is in a package named %s: name it for what it does", f.name, name))
				break
			}
		}
	}
	return complaints
}
