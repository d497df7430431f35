//go:build !unix

package need

import (
	"os/exec"
	"syscall"
)

// The signals that freeze a process and let it go on; sending one is refused
// here, as this system has none.
const (
	sigStop = syscall.Signal(0x13)
	sigCont = syscall.Signal(0x12)
)

// dieWithParent does nothing: only Linux can.
func dieWithParent(*exec.Cmd) {}

// inOwnNetNS reports that there are no network namespaces here.
func inOwnNetNS(*exec.Cmd) bool { return false }
