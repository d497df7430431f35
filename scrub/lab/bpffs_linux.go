package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// runDir is where labs mount BPF file systems: it is empty after a reboot.
const runDir = "/run"

// BPFFS mounts a BPF file system of the lab's own, and returns where. What is
// pinned there ends with the lab.
func (l *Lab) BPFFS() (dir string, err error) {
	if l.bpffs == "" {
		l.bpffs, err = mountBPFFS(l.name)
	}
	return l.bpffs, err
}

// mountBPFFS mounts one for the lab of this name.
func mountBPFFS(name string) (dir string, err error) {
	dir = filepath.Join(runDir, name+"bpf")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("creating a directory for pins: %w", err)
	}
	if err := unix.Mount("bpf", dir, "bpf", 0, "mode=700"); err != nil {
		return "", errors.Join(fmt.Errorf("mounting a BPF file system at %s: %w", dir, err), os.Remove(dir))
	}
	return dir, nil
}

// unmount removes a BPF file system of a lab.
func unmount(dir string) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) { // it was never mounted
		return fmt.Errorf("unmounting %s: %w", dir, err)
	}
	return os.Remove(dir)
}
