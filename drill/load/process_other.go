//go:build !linux

package load

import (
	"errors"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

var errLinuxOnly = hint.New(
	errors.New("drills run on Linux only: they read the CPU time of other processes and use all of 127.0.0.0/8"),
	"run it in a Linux machine or container",
)

// CPUTime fails.
func CPUTime(int) (time.Duration, error) { return 0, errLinuxOnly }

// AllowFiles fails.
func AllowFiles(uint64) error { return errLinuxOnly }
