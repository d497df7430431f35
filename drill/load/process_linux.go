package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/hint"
)

// CPUTime is how much CPU time the process has used so far, in user and kernel
// mode, in all of its threads, including those that have ended. It reads the CPU
// clock of the process, which counts nanoseconds; /proc/<pid>/stat counts
// hundredths of seconds.
func CPUTime(pid int) (time.Duration, error) {
	// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel; see clock_getcpuclockid(3).
	clock := int32(^pid<<3 | 2)
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// AllowFiles raises the limit of open files to n, if it is lower. The Go runtime
// has raised it to the hard limit already; root may go beyond that.
func AllowFiles(n uint64) error {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if lim.Cur >= n {
		return nil
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: max(n, lim.Max)}); err != nil {
		return hint.Errorf(fmt.Sprintf("fewer addresses (--from), or `ulimit -Hn %d` as root", n),
			"raising the limit of open files from %d to %d: %w", lim.Cur, n, err)
	}
	return nil
}
