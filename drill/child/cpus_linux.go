package child

import (
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// CPUs are the processors that this process may use.
func CPUs() (all []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for i := range strconv.IntSize * len(set) {
		if set.IsSet(i) {
			all = append(all, i)
		}
	}
	return all
}

// pin keeps this thread, and what it starts, on these processors.
func pin(cpus []int) error { return pinThread(0, cpus) }

func pinThread(thread int, cpus []int) error {
	var set unix.CPUSet
	for _, i := range cpus {
		set.Set(i)
	}
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("choosing processors %v: %w", cpus, err)
	}
	return nil
}

// PinSelf keeps this process on these processors: all threads that it has, and those
// that they start.
func PinSelf(cpus []int) error {
	for range 2 { // a thread may have started another one meanwhile
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("choosing processors: %w", err)
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				return fmt.Errorf("choosing processors: %w", err)
			}
			if err := pinThread(id, cpus); err != nil {
				if _, gone := os.Stat("/proc/self/task/" + t.Name()); gone != nil {
					continue
				}
				return err
			}
		}
	}
	runtime.GOMAXPROCS(len(cpus))
	return nil
}
