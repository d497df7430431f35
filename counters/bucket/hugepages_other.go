//go:build !linux

package bucket

// hugePages has no counterpart here.
func hugePages([]set) {}
