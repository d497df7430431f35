package need

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npmPackage is what has no Debian package, and is too large to keep here. The integrity is
// its sha512, as npm has it.
type npmPackage struct{ name, version, integrity string }

// Axe returns axe-core, a script that judges how accessible a page is.
func Axe(t testing.TB) string {
	t.Helper()
	axe := npmPackage{"axe-core", "4.14.1", "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="}
	for name, content := range axe.files(t) {
		if name == "axe.min.js" {
			return string(content)
		}
	}
	t.Fatal("axe-core has no axe.min.js")
	return ""
}

// Busboy returns a folder in which Node finds busboy, the parser of forms that Express uses.
func Busboy(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, p := range []npmPackage{
		{"busboy", "1.6.0", "8SFQbg/0hQ9xy3UNTB0YEnsNBbWfhf7RtnzpL7TkBiTBRfrQ9Fxcnz7VJsleJpyp6rVLvXiuORqjlHi5q+PYuA=="},
		{"streamsearch", "1.1.0", "Mcc5wHehp9aXz1ax6bZUyY5afg9u2rv5cqQI3mRrYkGC8rW2hM02jWuwjtL++LS5qinSyhj2QfLyNsuc+VsExg=="},
	} {
		for name, content := range p.files(t) {
			path := filepath.Join(dir, "node_modules", p.name, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// files returns the files of a package. npm fetches it once into the user's cache; each
// call verifies what lies there.
func (p npmPackage) files(t testing.TB) map[string][]byte {
	t.Helper()
	name := p.name + "-" + p.version + ".tgz"
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	kept := filepath.Join(cache, "theriac", name)
	archive, err := os.ReadFile(kept)
	if err != nil || !p.is(archive) {
		archive = p.fetch(t, name)
		keep(t, kept, archive)
	}
	files, err := unpack(archive)
	if err != nil {
		t.Fatalf("unpacking %s: %v", name, err)
	}
	return files
}

func (p npmPackage) fetch(t testing.TB, name string) []byte {
	t.Helper()
	npm := program(t, "npm", "npm", "npm")
	dir := t.TempDir()
	pack := exec.Command(npm, "pack", "--silent", p.name+"@"+p.version)
	pack.Dir = dir
	if out, err := pack.CombinedOutput(); err != nil {
		missing(t, "npm", "npm pack %s@%s: %v: %s", p.name, p.version, err, out)
	}
	archive, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatalf("reading what npm fetched: %v", err)
	}
	if !p.is(archive) {
		t.Fatalf("npm fetched %s of another hash", name)
	}
	return archive
}

func (p npmPackage) is(archive []byte) bool {
	sum := sha512.Sum512(archive)
	return base64.StdEncoding.EncodeToString(sum[:]) == p.integrity
}

// unpack returns the files of an archive by their names below its one folder.
func unpack(archive []byte) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	contents := make(map[string][]byte)
	for files := tar.NewReader(unzipped); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			return contents, nil
		}
		if err != nil {
			return nil, err
		}
		if file.Typeflag != tar.TypeReg {
			continue
		}
		_, name, ok := strings.Cut(file.Name, "/")
		if !ok || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("unexpected file %s", file.Name)
		}
		if contents[name], err = io.ReadAll(files); err != nil {
			return nil, err
		}
	}
}

// keep writes a file whole or not at all: packages are tested side by side.
func keep(t testing.TB, name string, content []byte) {
	t.Helper()
	fill := func() error {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		draft, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name))
		if err != nil {
			return err
		}
		_, err = draft.Write(content)
		if closed := draft.Close(); err == nil {
			err = closed
		}
		if err == nil {
			err = os.Rename(draft.Name(), name)
		}
		if err != nil {
			os.Remove(draft.Name())
		}
		return err
	}
	if err := fill(); err != nil {
		t.Logf("keeping %s for the next time: %v", filepath.Base(name), err)
	}
}
