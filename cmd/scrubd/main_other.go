//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "scrubd: only Linux is supported: the dataplane is an XDP program")
	os.Exit(1)
}
