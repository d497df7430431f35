//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

var errLinuxOnly = hint.New(
	errors.New("drills run on Linux only: they read the CPU time of other processes and use all of 127.0.0.0/8"),
	"run it in a Linux machine or container",
)

func cpuTime(int) (time.Duration, error) { return 0, errLinuxOnly }

func dieWithParent(*exec.Cmd) {}

func terminate(p *os.Process) error { return p.Kill() }

func allowFiles(uint64) error { return errLinuxOnly }
