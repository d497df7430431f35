//go:build unix

package gate

import "golang.org/x/sys/unix"

// openFiles returns how many file descriptors this process may have; 0 if that is not
// known. Go has raised the soft limit to the hard one at the start.
func openFiles() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur)
}
