//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "scrubd: this is a program for Linux: it loads what it does into Linux's kernel")
	os.Exit(1)
}
