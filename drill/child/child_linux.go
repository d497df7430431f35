package child

import (
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel end the child if the drill is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
