package need

import (
	"os"
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the process when this one ends.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// inOwnNetNS has the process run in a network namespace of its own.
func inOwnNetNS(cmd *exec.Cmd) bool {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	return true
}

// reserve keeps a port of 127.0.0.1 from whoever reserves one, in any process, and leaves it
// to servers, all of which set SO_REUSEADDR. For bind(2) lets sockets share a port if each
// has that option and none listens: this one has it, and never does. It had not when it was
// bound, so that it got a port that nobody had.
func reserve(port int) (release func(), err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	release = func() { syscall.Close(fd) }
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		release()
		return nil, os.NewSyscallError("bind", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		release()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	return release, nil
}
