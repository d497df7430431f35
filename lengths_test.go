package theriac_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// longFiles may have more than 400 lines, each for a reason.
var longFiles = map[string]string{}

// checkLengths: a file that is read at one sitting, and no stale exceptions.
func checkLengths(r *repository, long map[string]string) (complaints []string) {
	generated := map[string]bool{}
	for _, f := range r.sources {
		generated[f.name] = f.generated
	}
	for _, name := range r.names(".go", ".c", ".js", ".lua") {
		lines := bytes.Count(r.files[name], []byte("\n"))
		if _, ok := long[name]; lines > 400 && !ok && !generated[name] {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines: split it by what it is about, or give longFiles the reason", name, lines))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(long)) {
		if bytes.Count(r.files[name], []byte("\n")) <= 400 {
			complaints = append(complaints, name+" has no more than 400 lines: take it off longFiles")
		}
		if strings.TrimSpace(long[name]) == "" {
			complaints = append(complaints, name+" stands on longFiles without a reason: give one")
		}
	}
	return complaints
}

// mostFiles is how many files a package may have, besides its tests.
const mostFiles = 25

// checkPackageSizes: the files of a package can be read as one list.
func checkPackageSizes(r *repository) (complaints []string) {
	for _, dir := range r.dirs() {
		files := slices.DeleteFunc(r.in(dir), func(f *source) bool { return f.test })
		if len(files) > mostFiles {
			complaints = append(complaints, fmt.Sprintf("%s has %d files: split it by what they are about, %d are the most", dir, len(files), mostFiles))
		}
	}
	return complaints
}
