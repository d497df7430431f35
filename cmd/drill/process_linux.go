package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/theriac-edge/theriac/hint"

	"golang.org/x/sys/unix"
)

// cpuTime is how much processor time the process has used so far, in user and
// kernel mode, in all of its threads, those that have ended included. It asks
// the CPU clock of the process, which counts nanoseconds where /proc/<pid>/stat
// counts hundredths of seconds.
func cpuTime(pid int) (time.Duration, error) {
	// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel; see clock_getcpuclockid(3).
	clock := int32(^pid<<3 | 2)
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// dieWithParent lets the kernel end the child if the drill is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// allowFiles makes sure that so many files may be open. The Go runtime has
// raised the limit to the hard one already; root may go beyond that.
func allowFiles(n uint64) error {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if lim.Cur >= n {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: max(n, lim.Max)}); err != nil {
		return hint.Errorf(fmt.Sprintf("fewer sources (--from), or `ulimit -Hn %d` as root", n),
			"raising the limit of open files from %d to %d: %w", lim.Cur, n, err)
	}
	return nil
}
