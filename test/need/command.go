package need

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// commands are those that this process has built.
var commands struct {
	sync.Mutex
	paths map[string]string
}

// Command returns the path of one of our commands, such as "theriac", built from
// this tree as it ships. All test processes share one file: the first one of a
// run links it, and the others find it up to date.
func Command(t testing.TB, name string) string {
	t.Helper()
	commands.Lock()
	defer commands.Unlock()
	if path, ok := commands.paths[name]; ok {
		return path
	}
	path, err := build(name)
	if err != nil {
		t.Fatalf("building cmd/%s: %v", name, err)
	}
	if commands.paths == nil {
		commands.paths = map[string]string{}
	}
	commands.paths[name] = path
	return path
}

// build links a command, while no other process does.
func build(name string) (path string, err error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if err := openAll(root); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "theriac-test", fmt.Sprintf("%x", sha256.Sum256([]byte(root)))[:16])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := lockFile(lock); err != nil {
		return "", fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	path = filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-o", path, "./cmd/"+name)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// openAll opens each folder below root. `go test` notices that, and does not
// repeat the result of a test from its cache once a file there has changed:
// what a process of its own is built from it would not see.
func openAll(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return fs.SkipDir
		}
		return err
	})
}
