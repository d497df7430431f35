package theriac_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// A manifest says what goes into the edge's binary, in the words of xcaddy's
// own Builder, plus the Go version that it takes.
type manifest struct {
	CaddyVersion string `json:"caddy_version"`
	Go           string `json:"go"`
	Plugins      []struct {
		ModulePath string `json:"module_path"`
	} `json:"plugins"`
}

// caddysOwn is what every Caddy binary is made of.
var caddysOwn = []string{
	"github.com/caddyserver/caddy/v2/cmd",
	"github.com/caddyserver/caddy/v2/modules/standard",
}

// TestManifest holds xcaddy.json, go.mod, cmd/theriac/main.go and README.md
// together: a build with xcaddy gives the binary that we test.
func TestManifest(t *testing.T) {
	r, err := read(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range checkManifest(r) {
		t.Error(complaint)
	}
}

func checkManifest(r *repository) (complaints []string) {
	complain := func(format string, args ...any) {
		complaints = append(complaints, fmt.Sprintf(format, args...))
	}
	var m manifest
	d := json.NewDecoder(bytes.NewReader(r.files["xcaddy.json"]))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return []string{"reading xcaddy.json: " + err.Error()}
	}
	mod := string(r.files["go.mod"])
	if got, want := version(mod, `go`), m.Go; got != want {
		complain("go.mod is for Go %q, xcaddy.json for %q: make them the same", got, want)
	}
	if got, want := version(mod, `(?:require )?github\.com/caddyserver/caddy/v2`), m.CaddyVersion; got != want {
		complain("go.mod requires Caddy %q, xcaddy.json %q: make them the same", got, want)
	}

	want := slices.Clone(caddysOwn)
	command := []string{"xcaddy build", m.CaddyVersion}
	for _, plugin := range m.Plugins {
		want = append(want, plugin.ModulePath)
		command = append(command, "--with", plugin.ModulePath)
	}
	slices.Sort(want)
	const main = "cmd/theriac/main.go"
	var got []string
	if i := slices.IndexFunc(r.sources, func(f *source) bool { return f.name == main }); i >= 0 {
		got = slices.Sorted(slices.Values(r.sources[i].imports()))
	}
	if !slices.Equal(got, want) {
		complain("%s imports %q, and the manifest says %q: a module goes into both, anything else into a file beside it", main, got, want)
	}
	// A command in README may run over lines that end with a backslash.
	readme := strings.Join(strings.Fields(strings.ReplaceAll(string(r.files["README.md"]), "\\\n", " ")), " ")
	if shown := strings.Join(command, " "); !strings.Contains(readme, shown) {
		complain("README.md does not show what xcaddy.json stands for: give it the command %q", shown)
	}
	return complaints
}

// version returns what a line of go.mod says after the pattern.
func version(mod, pattern string) string {
	if found := regexp.MustCompile(`(?m)^\s*` + pattern + ` (\S+)`).FindStringSubmatch(mod); found != nil {
		return found[1]
	}
	return ""
}

func TestManifestCanFail(t *testing.T) {
	files := map[string]string{
		"xcaddy.json":         `{"caddy_version": "v2.0.1", "go": "1.26.0", "plugins": [{"module_path": "example.com/theriac/modules"}]}`,
		"go.mod":              "module example.com/theriac\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/caddyserver/caddy/v2 v2.0.1\n)\n",
		"cmd/theriac/main.go": "package main\n\nimport (\n\t_ \"example.com/theriac/modules\"\n\t_ \"github.com/caddyserver/caddy/v2/cmd\"\n\t_ \"github.com/caddyserver/caddy/v2/modules/standard\"\n)\n",
		"README.md":           "Build it:\n\n\txcaddy build v2.0.1 \\\n\t\t--with example.com/theriac/modules\n",
	}
	for name, step := range map[string]struct{ file, old, replacement, want string }{
		"as it should be": {},
		"another Caddy": {
			"go.mod", "v2.0.1", "v2.0.2",
			`go.mod requires Caddy "v2.0.2", xcaddy.json "v2.0.1": make them the same`,
		},
		"another Go": {
			"go.mod", "1.26.0", "1.27.0",
			`go.mod is for Go "1.27.0", xcaddy.json for "1.26.0": make them the same`,
		},
		"a module in main.go only": {
			"cmd/theriac/main.go", "\t_ \"github.com/caddyserver/caddy/v2/cmd\"", "\t_ \"fmt\"\n\t_ \"github.com/caddyserver/caddy/v2/cmd\"",
			`cmd/theriac/main.go imports ["example.com/theriac/modules" "fmt" "github.com/caddyserver/caddy/v2/cmd" "github.com/caddyserver/caddy/v2/modules/standard"], and the manifest says ["example.com/theriac/modules" "github.com/caddyserver/caddy/v2/cmd" "github.com/caddyserver/caddy/v2/modules/standard"]: a module goes into both, anything else into a file beside it`,
		},
		"a stale README": {
			"README.md", "v2.0.1", "v2.0.0",
			`README.md does not show what xcaddy.json stands for: give it the command "xcaddy build v2.0.1 --with example.com/theriac/modules"`,
		},
		"a word xcaddy does not know": {
			"xcaddy.json", "caddy_version", "caddy",
			`reading xcaddy.json: json: unknown field "caddy"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for file, text := range files {
				if file == step.file {
					text = strings.ReplaceAll(text, step.old, step.replacement)
				}
				tree[file] = &fstest.MapFile{Data: []byte(text)}
			}
			r, err := read(tree)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(checkManifest(r), "\n"); got != step.want {
				t.Errorf("complaints %q, want %q", got, step.want)
			}
		})
	}
}
