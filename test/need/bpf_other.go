//go:build !linux

package need

import (
	"errors"
	"testing"
)

// mayLoad says why this process cannot load an XDP program.
func mayLoad() error { return errors.New("this is not Linux") }

// BPFFS ends the test: there is no BPF file system.
func BPFFS(t testing.TB) string {
	t.Helper()
	BPF(t)
	return ""
}
