// Package theriac has no code of its own: these are the rules of the whole
// repository, as tests that read its files. A file is named after its rule;
// controls_test.go shows that each rule can fail.
package theriac_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A rule says what is wrong with a repository, and what to do about it.
type rule struct {
	name  string
	check func(*repository) []string
}

var rules = []rule{
	{"folders", checkFolders},
	{"imports of ours", checkImports},
	{"imports of others", checkOthers},
	{"writers of Trust", checkTrust},
	{"go.mod", checkGoMod},
	{"package docs", checkDocs},
	{"package names", checkNames},
	{"file lengths", func(r *repository) []string { return checkLengths(r, longFiles) }},
	{"package sizes", checkPackageSizes},
	{"main packages", checkMainPackages},
	{"words left for later", checkWords},
	{"private words", checkPrivateWords},
	{"relative clauses", checkRelatives},
	{"phrases", checkPhrases},
	{"paths of one machine", checkPaths},
	{"skips", checkSkips},
	{"log lines", checkSometimes},
	{"log keys", checkLogKeys},
	{"tests alone", checkAlone},
	{"Lua files", checkLua},
	{"directives", checkDirectives},
	{"table of contents", checkContents},
	{"links", checkLinks},
	{"licence", checkLicence},
}

// TestRules holds the repository to its rules. Each rule reads the files itself: a
// rule that ran `go list` would stay green from the test cache.
func TestRules(t *testing.T) {
	r, err := read(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, complaint := range rule.check(r) {
				t.Error(complaint)
			}
		})
	}
}

// A repository is what the rules look at: all text files and, parsed, the Go files
// of the product's module.
type repository struct {
	module  string
	files   map[string][]byte
	images  map[string]bool // and whatever else is not text
	sources []*source
}

// A source is one Go file.
type source struct {
	name, dir string // slashed, from the root; the root itself is ""
	test      bool
	generated bool
	lines     int
	tree      *ast.File
	place     *token.FileSet
}

// read takes in a tree of files. It leaves out what is no text, and does not
// parse testdata nor modules of their own.
func read(tree fs.FS) (*repository, error) {
	r := &repository{files: map[string][]byte{}, images: map[string]bool{}}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !entry.Type().IsRegular(), entry.Name() == ".git": // a file in a second worktree
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) < 0 {
			r.files[name] = text
		} else {
			r.images[name] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	for line := range strings.Lines(string(r.files["go.mod"])) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			r.module = strings.TrimSpace(name)
		}
	}
	for _, name := range r.names(".go") {
		if strings.Contains(name, "testdata/") || r.inOtherModule(name) {
			continue
		}
		f := &source{name: name, dir: strings.TrimPrefix(path.Dir(name), "."), place: token.NewFileSet()}
		f.tree, err = parser.ParseFile(f.place, name, r.files[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("reading the tree: %w", err)
		}
		f.test = strings.HasSuffix(name, "_test.go")
		f.generated = ast.IsGenerated(f.tree)
		f.lines = bytes.Count(r.files[name], []byte("\n"))
		r.sources = append(r.sources, f)
	}
	return r, nil
}

// inOtherModule reports whether a file belongs to a module of its own, such as
// tools/.
func (r *repository) inOtherModule(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if r.files[dir+"/go.mod"] != nil {
			return true
		}
	}
	return false
}

// names returns the files whose names end like that, sorted.
func (r *repository) names(suffixes ...string) []string {
	names := slices.Sorted(maps.Keys(r.files))
	return slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
	})
}

// dirs returns the folders with Go files, sorted.
func (r *repository) dirs() []string {
	var dirs []string
	for _, f := range r.sources {
		dirs = append(dirs, f.dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// in returns the Go files of one folder.
func (r *repository) in(dir string) (files []*source) {
	for _, f := range r.sources {
		if f.dir == dir {
			files = append(files, f)
		}
	}
	return files
}

func (f *source) imports() (paths []string) {
	for _, spec := range f.tree.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, name)
		}
	}
	return paths
}

// at says where in the file a node stands, as editors read it.
func (f *source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", f.name, f.place.Position(node.Pos()).Line)
}

// literal returns the text of a string literal.
func literal(e ast.Expr) (text string, ok bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
