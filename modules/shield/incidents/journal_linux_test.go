package incidents

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/test/need"
)

// TestDiskIsFull: on a full disk the error is logged once, the store has everything, and the journal
// is written as soon as there is room.
func TestDiskIsFull(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("theriac", dir, "tmpfs", 0, "size=128k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 128<<10), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	e := start(t, "fra-1", memory(t))
	e.setJournal(dir)
	failing(t, e)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	again(t, e)
}
