package modules_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"golang.org/x/tools/txtar"
)

// FuzzCaddyfile: whatever an operator writes is adapted or refused, and never
// a panic.
func FuzzCaddyfile(f *testing.F) {
	files, err := filepath.Glob("testdata/adapt/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	adapter := caddyconfig.GetAdapter("caddyfile")
	f.Fuzz(func(_ *testing.T, caddyfile []byte) {
		if bytes.Contains(caddyfile, []byte("import")) {
			return // it reads whatever files there are
		}
		_, _, _ = adapter.Adapt(caddyfile, map[string]any{"filename": os.DevNull})
	})
}
