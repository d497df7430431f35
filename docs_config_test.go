package theriac_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checkSubdirectives: what a parser of the Caddyfile compares with is on the
// page of its directive, and the options there are known to the parser.
func checkSubdirectives(r *repository) (complaints []string) {
	shared := wordsIn(string(r.files["docs/partners.md"]) + string(r.files["docs/bans.md"]))
	for _, dir := range r.dirs() {
		compared, known := map[string]bool{}, map[string]bool{}
		for _, f := range r.product(dir) {
			if !strings.HasPrefix(dir, "modules/") || !strings.HasPrefix(path.Base(f.name), "caddyfile") {
				continue
			}
			for text := range comparedIn(f.tree) {
				compared[text] = true
			}
			ast.Inspect(f.tree, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					if text, ok := literal(e); ok {
						known[text] = true
					}
				}
				return true
			})
		}
		page := directivePage(dir)
		text, ok := r.files[page]
		if !ok {
			continue // checkDirectives complains
		}
		documented := wordsIn(string(text))
		for _, word := range slices.Sorted(maps.Keys(compared)) {
			if !documented[word] && !shared[word] {
				complaints = append(complaints, fmt.Sprintf("%s: the parser in %s knows %q, and the page does not: document it", page, dir, word))
			}
		}
		for _, span := range slices.Sorted(maps.Keys(firstSpans(r, page, "option"))) {
			if word, _, _ := strings.Cut(span, " "); len(known) > 0 && !known[word] {
				complaints = append(complaints, fmt.Sprintf("%s: the parser in %s does not know the option %q: correct the page", page, dir, word))
			}
		}
	}
	return complaints
}

func directivePage(dir string) string {
	name := path.Base(dir)
	if name != "shield" {
		name = "shop_" + name
	}
	return "docs/directives/" + name + ".md"
}

// comparedIn returns the texts that a file compares words with: in cases, with
// == or !=, as keys of a map and as the words of a stage. Old names, in a map
// called renamed, are none.
func comparedIn(tree *ast.File) map[string]bool {
	texts := map[string]bool{}
	add := func(all ...ast.Expr) {
		for _, e := range all {
			if text, ok := literal(e); ok && text != "" {
				texts[text] = true
			}
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			return !strings.HasPrefix(strings.ToLower(n.Names[0].Name), "renamed")
		case *ast.CaseClause:
			add(n.List...)
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				add(n.X, n.Y)
			}
		case *ast.KeyValueExpr:
			add(n.Key)
			if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Words" || key.Name == "Subdirectives") {
				for _, text := range literalsOf(n.Value) {
					texts[text] = true
				}
			}
		}
		return true
	})
	return texts
}

// tagsOf returns the names that a file's structs have in an encoding.
func tagsOf(tree *ast.File, encoding string) (names []string) {
	ast.Inspect(tree, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok {
			if name := tagOf(field, encoding); name != "" {
				names = append(names, name)
			}
		}
		return true
	})
	return names
}

func tagOf(field *ast.Field, encoding string) string {
	if field.Tag == nil {
		return ""
	}
	text, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(reflect.StructTag(text).Get(encoding), ",")
	return strings.TrimPrefix(name, "-")
}

// checkJSON: the JSON of a module is on the page of its directive, and the
// examples there have no field that no module knows.
func checkJSON(r *repository) (complaints []string) {
	known := maps.Clone(caddyFields)
	shared := string(r.files["docs/partners.md"])
	for _, dir := range r.dirs() {
		if !strings.HasPrefix(dir, "modules/") {
			continue
		}
		page := directivePage(dir)
		text := string(r.files[page]) + shared
		for _, name := range slices.Sorted(maps.Keys(r.fieldsOf(dir))) {
			known[name] = true
			if _, ok := r.files[page]; ok && !strings.Contains(text, `"`+name+`"`) && !slices.Contains(spansOf(text), name) {
				complaints = append(complaints, fmt.Sprintf("%s: the JSON field %q of %s is not documented: add it", page, name, dir))
			}
		}
	}
	for _, page := range r.names(".md") {
		if !strings.HasPrefix(page, "docs/directives/") {
			continue
		}
		for _, b := range blocksOf(page, string(r.files[page])) {
			if b.language != "json" {
				continue
			}
			for _, found := range jsonKey.FindAllStringSubmatch(b.text, -1) {
				if !known[found[1]] {
					complaints = append(complaints, fmt.Sprintf("%s:%d: no module has a JSON field %q: correct the example", page, b.line, found[1]))
				}
			}
		}
	}
	return complaints
}

// checkAdminFields: the admin page has each field that the edge's admin API reads
// or answers with, and no example there has another one.
func checkAdminFields(r *repository) (complaints []string) {
	page, known := string(r.files[adminPage]), map[string]bool{}
	documented := wordsIn(page)
	for _, f := range r.sources {
		if f.test {
			continue
		}
		for _, name := range tagsOf(f.tree, "json") {
			known[name] = true
			complaint := fmt.Sprintf("%s: the field %q of %s is not documented: add it", adminPage, name, f.dir)
			if f.dir == "modules/shieldctl" && !documented[name] && !slices.Contains(complaints, complaint) {
				complaints = append(complaints, complaint)
			}
		}
	}
	named := firstSpans(r, adminPage, "field")
	for _, b := range blocksOf(adminPage, page) {
		for _, found := range jsonKey.FindAllStringSubmatch(b.text, -1) {
			named[found[1]] = named[found[1]] || b.language == "json"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !known[name] {
			complaints = append(complaints, fmt.Sprintf("%s: the code has no field %q: correct the page", adminPage, name))
		}
	}
	return complaints
}

var jsonKey = regexp.MustCompile(`"([a-z_0-9]+)"\s*:`)

// caddyFields are fields of Caddy's own that our examples have around ours.
var caddyFields = setOf(slices.Values(strings.Fields(`apps http servers srv0 srv1 listen routes handle handler match path method
	listener_wrappers packet_conn_wrappers wrapper errors upstreams dial transport protocol keep_alive shield
	max_idle_conns_per_host request_buffers stream_close_delay`)))

// fieldsOf returns the JSON fields of a folder's Caddy modules: of each type
// with a method CaddyModule, and of the types of ours that its fields have.
func (r *repository) fieldsOf(dir string) map[string]bool {
	names, seen := map[string]bool{}, map[string]bool{}
	var visit func(dir, name string)
	visit = func(dir, name string) {
		if seen[dir+"."+name] {
			return
		}
		seen[dir+"."+name] = true
		for _, f := range r.product(dir) {
			ast.Inspect(f.tree, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok || spec.Name.Name != name {
					return true
				}
				fields, ok := spec.Type.(*ast.StructType)
				if !ok {
					return true
				}
				for _, field := range fields.Fields.List {
					tag := tagOf(field, "json")
					switch {
					case tag != "":
						names[tag] = true
					case len(field.Names) > 0:
						continue // not of the configuration
					}
					in, of := r.typeOf(f, field.Type)
					if of != "" {
						visit(in, of)
					}
				}
				return true
			})
		}
	}
	for _, f := range r.product(dir) {
		for _, decl := range f.tree.Decls {
			if fun, ok := decl.(*ast.FuncDecl); ok && fun.Name.Name == "CaddyModule" && fun.Recv != nil {
				_, name := r.typeOf(f, fun.Recv.List[0].Type)
				visit(dir, name)
			}
		}
	}
	return names
}

// typeOf finds the named type of ours in an expression such as []*shop.Contact.
func (r *repository) typeOf(f *source, e ast.Expr) (dir, name string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return r.typeOf(f, e.X)
	case *ast.ArrayType:
		return r.typeOf(f, e.Elt)
	case *ast.MapType:
		return r.typeOf(f, e.Value)
	case *ast.Ident:
		return f.dir, e.Name
	case *ast.SelectorExpr:
		for _, imported := range f.imports() {
			ours, ok := strings.CutPrefix(imported, r.module+"/")
			if x, isIdent := e.X.(*ast.Ident); ok && isIdent && path.Base(ours) == x.Name {
				return ours, e.Sel.Name
			}
		}
	}
	return "", ""
}

const cliPage = "docs/operations/cli.md"

var (
	ourCommand = regexp.MustCompile(`(?:^|\s|/)(theriac shield|theriac demo|scrubd|drill)(\s+[^|;&<$(]+|$)`)
	aFlag      = regexp.MustCompile(`(?:^|\s)(--[a-z][a-z-]*|-[a-z])\b`)
	aWord      = regexp.MustCompile(`^[a-z]+$`)
)

// checkCommands: each command that a page shows, with its flags, is in the
// reference of commands, which a test generates from the code.
func checkCommands(r *repository) (complaints []string) {
	reference := map[string]string{} // the text below each heading
	heading := ""
	for line := range strings.Lines(string(r.files[cliPage])) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			heading = strings.Trim(name, "`")
		}
		reference[heading] += line
	}
	for _, page := range r.pages() {
		text := string(r.files[page])
		shown := spansOf(proseOf(text))
		for _, b := range blocksOf(page, text) {
			switch b.language {
			case "sh", "console":
				for line := range strings.Lines(b.text) {
					if typed, ok := strings.CutPrefix(line, "$ "); ok || b.language == "sh" {
						shown = append(shown, strings.Split(strings.TrimSpace(typed), " #")[0])
					}
				}
			}
		}
		for _, line := range shown {
			for _, found := range ourCommand.FindAllStringSubmatch(line, -1) {
				command, rest := found[1], strings.Fields(found[2])
				for len(rest) > 0 && reference[command+" "+rest[0]] != "" {
					command, rest = command+" "+rest[0], rest[1:]
				}
				if _, ok := reference[command]; !ok {
					complaints = append(complaints, fmt.Sprintf("%s: there is no command `%s`: correct the page, or regenerate %s", page, command, cliPage))
					continue
				}
				if len(rest) > 0 && aWord.MatchString(rest[0]) && strings.Contains(reference[command], "Commands:") {
					complaints = append(complaints, fmt.Sprintf("%s: `%s` has no command `%s`: correct the page", page, command, rest[0]))
				}
				var flags strings.Builder
				for at := command; at != ""; at = at[:max(0, strings.LastIndexByte(at, ' '))] {
					flags.WriteString(reference[at]) // a flag also works for the commands below
				}
				for _, flag := range aFlag.FindAllStringSubmatch(" "+strings.Join(rest, " "), -1) {
					if !strings.Contains(flags.String(), flag[1]+" ") && !strings.Contains(flags.String(), flag[1]+",") {
						complaints = append(complaints, fmt.Sprintf("%s: `%s` has no flag %s: correct the page", page, command, flag[1]))
					}
				}
			}
		}
	}
	return complaints
}

// checkTables: each table has its line of dashes and as many cells in each row as
// in its head. An empty line within a table ends it: the rest is shown as text.
func checkTables(r *repository) (complaints []string) {
	for _, page := range r.pages() {
		fenced, cells, before, number := false, 0, "", 0
		for line := range strings.Lines(string(r.files[page])) {
			line, number = strings.TrimSpace(line), number+1
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			switch isRow := !fenced && strings.HasPrefix(line, "|"); {
			case !isRow:
				if cells == 0 && strings.HasPrefix(before, "|") {
					complaints = append(complaints, fmt.Sprintf("%s:%d: this is not the second line of a table: did an empty line cut it in two?", page, number))
				}
				cells = 0
			case cells == 0 && strings.HasPrefix(before, "|"): // the line of dashes
				cells = len(cellsOf(line))
				if strings.Trim(line, "|-: ") != "" || cells != len(cellsOf(before)) {
					complaints = append(complaints, fmt.Sprintf("%s:%d: this is not the second line of a table: did an empty line cut it in two?", page, number))
				}
			case cells > 0 && len(cellsOf(line)) != cells:
				complaints = append(complaints, fmt.Sprintf("%s:%d: the row has %d cells, the table %d", page, number, len(cellsOf(line)), cells))
			}
			if before = line; fenced {
				before = "" // a picture, not a table
			}
		}
	}
	return complaints
}

var yamlKey = regexp.MustCompile(`(?m)(?:^\s*(?:- )?|[{,] ?)([a-z_]+):(?:\s|$)`)

// drillPage shows scenarios instead of policy files; drill/scenario reads those.
const drillPage = "docs/operations/drill.md"

// anycastPage has the configuration of anycastd, which a test of anycast/daemon reads.
const anycastPage = "docs/operations/anycast.md"

// checkYAML: the policy files that pages show have no option that does not exist.
func checkYAML(r *repository) (complaints []string) {
	known := r.policyOptions()
	for name := range r.namesOf("scrub", "reasonNames") {
		known[name] = true
	}
	for _, page := range r.pages() {
		for _, b := range blocksOf(page, string(r.files[page])) {
			if b.language != "yaml" || page == drillPage || page == anycastPage {
				continue
			}
			for _, found := range yamlKey.FindAllStringSubmatch(b.text, -1) {
				if !known[found[1]] {
					complaints = append(complaints, fmt.Sprintf("%s:%d: no policy file has an option %q: correct the example", page, b.line, found[1]))
				}
			}
		}
	}
	return complaints
}
