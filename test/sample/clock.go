package sample

import (
	"time"
	"unsafe"
)

// ClockSet returns what time.Now would have returned at now, had the time of day been set by
// that much: its monotonic part is the same. now is from time.Now.
func ClockSet(now time.Time, by time.Duration) time.Time {
	const secondsAt = 30 // of time.Time.wall, above the nanoseconds
	*(*uint64)(unsafe.Pointer(&now)) += uint64(int64(by/time.Second)) << secondsAt
	return now
}
