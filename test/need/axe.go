package need

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// axe-core has no Debian package, and is too large to keep here.
const (
	axeVersion   = "4.14.1"
	axeIntegrity = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==" // sha512, as npm has it
)

// Axe returns axe-core, a script that judges how accessible a page is. npm
// fetches it once into the user's cache; each call verifies what lies there.
func Axe(t testing.TB) string {
	t.Helper()
	name := "axe-core-" + axeVersion + ".tgz"
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	kept := filepath.Join(cache, "theriac", name)
	archive, err := os.ReadFile(kept)
	if err != nil || !axeIs(archive) {
		archive = fetchAxe(t, name)
		keep(t, kept, archive)
	}
	return axeScript(t, archive)
}

// fetchAxe has npm fetch the archive.
func fetchAxe(t testing.TB, name string) []byte {
	t.Helper()
	npm := program(t, "npm", "npm", "npm")
	dir := t.TempDir()
	pack := exec.Command(npm, "pack", "--silent", "axe-core@"+axeVersion)
	pack.Dir = dir
	if out, err := pack.CombinedOutput(); err != nil {
		missing(t, "npm", "npm pack axe-core@%s: %v: %s", axeVersion, err, out)
	}
	archive, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatalf("reading what npm fetched: %v", err)
	}
	if !axeIs(archive) {
		t.Fatalf("npm fetched an axe-core %s of another hash", axeVersion)
	}
	return archive
}

func axeIs(archive []byte) bool {
	sum := sha512.Sum512(archive)
	return base64.StdEncoding.EncodeToString(sum[:]) == axeIntegrity
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
		t.Logf("keeping axe-core for the next time: %v", err)
	}
}

// axeScript unpacks the one file of the archive that is of use.
func axeScript(t testing.TB, archive []byte) string {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatalf("unpacking axe-core: %v", err)
	}
	for files := tar.NewReader(unzipped); ; {
		file, err := files.Next()
		if err != nil {
			t.Fatalf("looking for axe.min.js in axe-core: %v", err)
		}
		if file.Name != "package/axe.min.js" {
			continue
		}
		script, err := io.ReadAll(files)
		if err != nil {
			t.Fatalf("unpacking axe-core: %v", err)
		}
		return string(script)
	}
}
