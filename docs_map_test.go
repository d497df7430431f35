package theriac_test

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

const mapPage = "ARCHITECTURE.md"

// checkShortPages: the first two pages that somebody reads stay short.
func checkShortPages(r *repository) (complaints []string) {
	for page, most := range map[string]int{"README.md": 200, mapPage: 250} {
		if lines := bytes.Count(r.files[page], []byte("\n")); lines > most {
			complaints = append(complaints, fmt.Sprintf("%s has %d lines; at most %d: move what is reference to docs/", page, lines, most))
		}
	}
	return complaints
}

// importTable is mayImport, with what tests may import besides and with the
// packages of others that have one home, as the map shows it.
func importTable() string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(what, allowed string) { fmt.Fprintf(columns, "%s\t%s\n", what, cmp.Or(allowed, "-")) }
	for _, dir := range slices.Sorted(maps.Keys(mayImport)) {
		if dir != "" { // the root has tests only
			row(dir, mayImport[dir])
		}
	}
	row("tests, anywhere, also", testsMayImport)
	columns.Flush()
	text.WriteByte('\n')
	for _, theirs := range slices.Sorted(maps.Keys(mayImportOthers)) {
		row(theirs, mayImportOthers[theirs])
	}
	columns.Flush()
	return text.String()
}

// checkImportTable: the arrows of the map are those that checkImports holds.
func checkImportTable(r *repository) []string {
	want := importTable()
	for _, b := range blocksOf(mapPage, string(r.files[mapPage])) {
		if b.language == "imports" && b.text == want {
			return nil
		}
	}
	return []string{mapPage + ": its block ```imports is not mayImport of imports_test.go; it should be:\n" + want}
}

// checkRooms: the map says of each folder with Go files what it is; those of tests
// are one room.
func checkRooms(r *repository) (complaints []string) {
	named := map[string]bool{}
	for _, span := range spansOf(proseOf(string(r.files[mapPage]))) {
		named[span] = true
	}
	for _, dir := range r.dirs() {
		if dir != "" && !named[dir] && !strings.HasPrefix(dir, "test/") && !strings.HasPrefix(dir, "tools/") {
			complaints = append(complaints, fmt.Sprintf("%s: the folder %s is not in its table: say there what it is", mapPage, dir))
		}
	}
	return complaints
}

// aName is pkg.Func, pkg.Type or pkg.Type.Method, with the folder before it
// where the name of the package alone is not enough.
var aName = regexp.MustCompile(`^((?:[a-z0-9]+/)*[a-z0-9]+)\.([A-Za-z]\w*)(?:\.([A-Za-z]\w*))?$`)

// checkNamesOnMap: each function and type that the map names exists.
func checkNamesOnMap(r *repository) (complaints []string) {
	declared := r.declared()
	text := string(r.files[mapPage])
	_, ways, _ := strings.Cut(text, "\n## The way of")
	named := 0
	for _, span := range spansOf(proseOf(ways)) {
		found := aName.FindStringSubmatch(span)
		if found == nil || slices.Contains([]string{"c", "go", "h", "lua", "md"}, found[2]) {
			continue
		}
		named++
		if !isDeclared(declared, found) {
			complaints = append(complaints, fmt.Sprintf("%s: there is no %s: correct the map", mapPage, span))
		}
	}
	if len(r.files[mapPage]) > 0 && named < 20 {
		complaints = append(complaints, fmt.Sprintf("%s names %d functions; each way needs its own, as `pkg.Type.Method`", mapPage, named))
	}
	return complaints
}

// banPage ends with a picture of the way of a ban.
const banPage = "docs/bans.md"

// checkBanPicture: each function and file in the picture of a ban's way exists.
func checkBanPicture(r *repository) (complaints []string) {
	declared, named := r.declared(), 0
	_, picture, ok := strings.Cut(string(r.files[banPage]), "\n## The way of a ban\n")
	for name := range strings.FieldsSeq(picture) {
		name = strings.Trim(name, ",:;")
		found := aName.FindStringSubmatch(name)
		switch {
		case found == nil:
		case strings.Contains(name, "/"):
			if _, ok := r.files[name]; !ok {
				complaints = append(complaints, fmt.Sprintf("%s: there is no file %s: correct the picture", banPage, name))
			}
		default:
			named++
			if !isDeclared(declared, found) {
				complaints = append(complaints, fmt.Sprintf("%s: there is no %s: correct the picture", banPage, name))
			}
		}
	}
	if ok && named < 10 {
		complaints = append(complaints, fmt.Sprintf("%s names %d functions on the way of a ban; it has more, as pkg.Type.Method", banPage, named))
	}
	return complaints
}

// isDeclared reports whether a folder declares what aName has found.
func isDeclared(declared map[string]map[string]bool, found []string) bool {
	name := found[2]
	if found[3] != "" {
		name += "." + found[3]
	}
	for dir, names := range declared {
		if (dir == found[1] || path.Base(dir) == found[1]) && names[name] {
			return true
		}
	}
	return false
}

// declared returns the functions, types and methods of each folder, in Go and C.
func (r *repository) declared() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, f := range r.sources {
		if f.test {
			continue
		}
		if all[f.dir] == nil {
			all[f.dir] = map[string]bool{}
		}
		for _, decl := range f.tree.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				name := decl.Name.Name
				if decl.Recv != nil {
					_, receiver := r.typeOf(f, decl.Recv.List[0].Type)
					name = receiver + "." + name
				}
				all[f.dir][name] = true
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						all[f.dir][spec.Name.Name] = true
						if methods, ok := spec.Type.(*ast.InterfaceType); ok {
							for _, m := range methods.Methods.List {
								for _, name := range m.Names {
									all[f.dir][spec.Name.Name+"."+name.Name] = true
								}
							}
						}
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							all[f.dir][name.Name] = true
						}
					}
				}
			}
		}
	}
	for _, name := range r.names(".c", ".h") {
		dir := path.Dir(name)
		if all[dir] == nil {
			all[dir] = map[string]bool{}
		}
		for _, found := range cFunction.FindAllStringSubmatch(string(r.files[name]), -1) {
			all[dir][found[1]] = true
		}
	}
	return all
}

// cFunction is the beginning of a function in C.
var cFunction = regexp.MustCompile(`(?m)^[A-Za-z_][\w \*]*?\b([a-z_]\w*)\(`)
