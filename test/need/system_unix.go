//go:build unix

package need

import (
	"os"
	"syscall"
)

// The signals that freeze a process and let it go on.
const (
	sigStop = syscall.SIGSTOP
	sigCont = syscall.SIGCONT
)

// lockFile waits until no other process holds the file. Closing it lets go.
func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
}
