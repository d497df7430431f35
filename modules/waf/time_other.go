//go:build !linux

package waf

import "time"

// threadTime is the time that a function takes; only Linux tells how much of
// it the function had a core for.
func threadTime(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}
