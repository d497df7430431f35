package need

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Alone is for TestMain of a package that measures time, memory or traffic, which
// other work on the machine would spoil. It waits until no other such package
// runs. scripts/test gives these packages the machine to themselves and runs the
// others side by side.
func Alone() {
	if alone != nil {
		return
	}
	isFuzzing := func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz") }
	if slices.ContainsFunc(os.Args, isFuzzing) {
		return // a fuzz target has worker processes, which would wait for it
	}
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "theriac-alone.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return // another user's: nothing to wait for in this one's tests
	}
	_ = lockFile(lock) // held until this process ends
	alone = lock
}

// alone keeps the lock from being collected, which would close it.
var alone *os.File
