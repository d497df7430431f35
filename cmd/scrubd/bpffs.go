//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/theriac-edge/theriac/hint"

	"golang.org/x/sys/unix"
)

// bpffs is where a BPF file system belongs.
const bpffs = "/sys/fs/bpf"

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

// mountBPFFS mounts a BPF file system at its usual place if the pins belong
// there and there is none, and reports whether it did.
func mountBPFFS(pins string) (mounted bool, err error) {
	if isBPFFS(pins) {
		return false, nil
	}
	if !strings.HasPrefix(pins+"/", bpffs+"/") {
		return false, hint.Errorf("mount -t bpf bpf "+filepath.Dir(pins), "%s is in no BPF file system", pins)
	}
	if err := os.MkdirAll(bpffs, 0o700); err != nil {
		return false, hint.Errorf("mount -t bpf bpf "+bpffs, "making %s: %w", bpffs, err)
	}
	if err := unix.Mount("bpf", bpffs, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=700"); err != nil {
		return false, hint.Errorf("mount -t bpf bpf "+bpffs, "mounting a BPF file system: %w", err)
	}
	if !isBPFFS(pins) {
		return false, fmt.Errorf("%s is in no BPF file system although one was mounted at %s", pins, bpffs)
	}
	return true, nil
}
