package main

import (
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/test/reference"
)

// TestReference holds docs/operations/cli.md to our commands.
func TestReference(t *testing.T) {
	var commands []*cobra.Command
	for _, name := range []string{"anycast", "demo", "shield"} {
		ours := caddycmd.Commands()[name]
		c := &cobra.Command{Use: name, Short: ours.Short, Long: ours.Long}
		ours.CobraFunc(c)
		(&cobra.Command{Use: "theriac"}).AddCommand(c)
		commands = append(commands, c)
	}
	reference.Check(t, "theriac", commands...)
}
