//go:build linux

package main

import (
	"testing"

	"github.com/theriac-edge/theriac/test/reference"
)

// TestReference holds docs/operations/cli.md to the commands.
func TestReference(t *testing.T) { reference.Check(t, "scrubd", rootCommand()) }
