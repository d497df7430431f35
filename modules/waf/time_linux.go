package waf

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// threadTime returns the CPU time that a function takes: on a busy machine, wall-clock
// time would charge a shop for what others do.
func threadTime(do func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadClock()
	do()
	return threadClock() - began
}

func threadClock() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) // Linux has had this clock since 2.6
	return time.Duration(now.Nano())
}
