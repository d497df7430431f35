//go:build !linux

package child

// CPUs are the processors that this process may use; none are known here.
func CPUs() []int { return nil }

func pin([]int) error { return nil }

// PinSelf keeps this process on these processors, where that is possible.
func PinSelf([]int) error { return nil }
