//go:build !linux

package waf

import "time"

// threadTime returns the wall-clock time that a function takes; only Linux reports the
// CPU time of one thread.
func threadTime(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}
