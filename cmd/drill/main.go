// Command drill attacks and measures an edge on this machine.
//
// `drill run` runs a scenario: named attacks on shops where customers buy, against nothing,
// against a black hole and against the shield, with a report. `drill bench` measures what
// the edge costs as ratios to plain Caddy, both sides in one run on the same work. `drill
// flood` floods one shop from many loopback addresses while customers buy at another, and
// `drill pass` solves a challenge for it. It sends nothing beyond loopback and ends every
// process that it started; what it cannot measure is an error, never a good ratio.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/hint"
)

func main() {
	// The generator shares the machine with what it measures.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	hint.Print(stderr, "drill", err)
	return 1
}

// rootCommand is the whole command line.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "drill",
		Short:             "Attacks and measures an edge on this machine",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(benchCommand(), checkCommand(), floodCommand(), listCommand(), passCommand(), runCommand(), shopCommand())
	return root
}
