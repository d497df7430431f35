//go:build unix && !linux

package need

import (
	"os/exec"
	"syscall"
)

// The signals that freeze a process and let it go on.
const (
	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
)

// dieWithParent does nothing: only Linux can. A test that panics may leave its
// process behind here.
func dieWithParent(*exec.Cmd) {}

// inOwnNetNS reports that there are no network namespaces here.
func inOwnNetNS(*exec.Cmd) bool { return false }
