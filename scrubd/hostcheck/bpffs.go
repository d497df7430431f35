//go:build linux

package hostcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// isBPFFS reports whether the path, or what there is of it, is in a BPF file
// system.
func isBPFFS(path string) bool {
	var fs unix.Statfs_t
	for ; ; path = filepath.Dir(path) {
		if err := unix.Statfs(path, &fs); err == nil {
			return fs.Type == unix.BPF_FS_MAGIC
		}
		if path == "/" || path == "." {
			return false
		}
	}
}

// MountBPFFS mounts a BPF file system at its usual place if the pins belong there
// and none is mounted, and reports whether it did.
func MountBPFFS(pins string) (mounted bool, err error) {
	if isBPFFS(pins) {
		return false, nil
	}
	if !strings.HasPrefix(pins+"/", pinset.BPFFS+"/") {
		return false, hint.Errorf("mount -t bpf bpf "+filepath.Dir(pins), "%s is not in a BPF file system", pins)
	}
	if err := os.MkdirAll(pinset.BPFFS, 0o700); err != nil {
		return false, hint.Errorf("mount -t bpf bpf "+pinset.BPFFS, "creating %s: %w", pinset.BPFFS, err)
	}
	if err := unix.Mount("bpf", pinset.BPFFS, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=700"); err != nil {
		return false, hint.Errorf("mount -t bpf bpf "+pinset.BPFFS, "mounting a BPF file system: %w", err)
	}
	if !isBPFFS(pins) {
		return false, fmt.Errorf("%s is not in a BPF file system although one was mounted at %s", pins, pinset.BPFFS)
	}
	return true, nil
}
