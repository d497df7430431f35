package need

import (
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// mayLoad says why this process cannot load an XDP program, if it cannot.
func mayLoad() error { return features.HaveProgramType(ebpf.XDP) }

// BPFFS ends a test that may not load programs, and returns an empty directory
// in a BPF file system that is the test's own.
func BPFFS(t testing.TB) string {
	t.Helper()
	BPF(t)
	dir := t.TempDir()
	if err := unix.Mount("bpf", dir, "bpf", 0, ""); err != nil {
		t.Fatalf("mounting a BPF file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting the BPF file system: %v", err)
		}
	})
	return filepath.Join(dir, "theriac")
}
