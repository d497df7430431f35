package modules_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a Caddyfile may name
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/theriac-edge/theriac/caddyfiles"
	_ "github.com/theriac-edge/theriac/modules"
)

var update = flag.Bool("update", false, "write what the adapter says into the golden files")

// Each file is a Caddyfile and what it must become: JSON, or the exact error.
func TestCaddyfilesAdaptAsWritten(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(archive.Files) != 2 || archive.Files[0].Name != "Caddyfile" || archive.Files[1].Name != "want" {
				t.Fatal("a golden file has two parts: Caddyfile and want")
			}
			got := adapted("Caddyfile", archive.Files[0].Data)
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(archive.Files[1].Data); got != want {
				t.Errorf("adapted (-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

// adapted is the JSON of a Caddyfile, or the error, as an operator sees it.
func adapted(name string, caddyfile []byte) string {
	raw, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(caddyfile, map[string]any{"filename": name})
	if err != nil {
		return err.Error() + "\n"
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			return "warning: " + w.Message + "\n"
		}
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "\t"); err != nil {
		return err.Error() + "\n"
	}
	return out.String() + "\n"
}

// The configurations that we ship adapt without a warning, formatted as
// `theriac fmt` formats them.
func TestShippedCaddyfilesAdapt(t *testing.T) {
	err := fs.WalkDir(caddyfiles.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		t.Run(path, func(t *testing.T) {
			raw, err := fs.ReadFile(caddyfiles.Files, path)
			if err != nil {
				t.Fatal(err)
			}
			_, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(raw, map[string]any{
				"filename": filepath.Join("..", "caddyfiles", path), // imports are relative to it
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range warnings {
				t.Errorf("%s:%d: %s", w.File, w.Line, w.Message)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
