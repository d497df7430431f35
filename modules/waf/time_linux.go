package waf

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the CPU time that a function takes: on a busy machine, time on
// the clock would charge a shop for what others do.
func threadTime(do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadClock()
	do()
	return threadClock() - began
}

func threadClock() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) // the kernel has had this clock since 2.6
	return time.Duration(now.Nano())
}
