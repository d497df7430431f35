//go:build !linux

package counters

// largePages has no counterpart here.
func largePages([]set) {}
