//go:build linux

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes, as scripts may rely on them.
const (
	exitDone        = 0
	exitFailed      = 1 // it was refused, or something is not as it should be
	exitUsage       = 2 // the command line is wrong
	exitUnreachable = 3 // scrubd does not run, or does not let this user in
)

// usageError is an error of the command line.
type usageError struct{ error }

// Unwrap returns what is wrong with it.
func (u usageError) Unwrap() error { return u.error }

// errUnreachable marks errors of not reaching scrubd.
var errUnreachable = errors.New("scrubd is unreachable")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	hint.Print(stderr, "scrubd", err)
	switch _, usage := errors.AsType[usageError](err); {
	case usage:
		return exitUsage
	case errors.Is(err, errUnreachable):
		return exitUnreachable
	}
	return exitFailed
}

// rootCommand is the whole command line.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "scrubd",
		Short:             "Drops floods in the kernel, in front of the edges of this host",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().String("socket", policyfile.DefaultSocket, "where scrubd listens")
	root.PersistentFlags().Bool("json", false, "print JSON")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		runCommand(), checkCommand(), statusCommand(), topCommand(), watchCommand(), denyCommand(), allowCommand(),
		policyCommand(), handOnCommand(), unloadCommand(), agentCommand(), versionCommand(),
	)
	root.AddCommand(renamedCommands()...)
	for cmd := range each(root) {
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usageError{err}
				}
				return nil
			}
		}
	}
	return root
}

// each walks over a command and all below it.
func each(cmd *cobra.Command) func(func(*cobra.Command) bool) {
	return func(yield func(*cobra.Command) bool) {
		if !yield(cmd) {
			return
		}
		for _, sub := range cmd.Commands() {
			for c := range each(sub) {
				if !yield(c) {
					return
				}
			}
		}
	}
}
