// Command anycastd announces one edge of an anycast tier, and is the only program there that
// does.
//
// It runs beside the edge and scrubd, without privileges, so that neither moves a route when it
// restarts. The daemon itself is in anycast/daemon; operators speak to it by `theriac anycast`.
// If it ends, the routes of this edge end with it.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/anycast/daemon"
	"github.com/theriac-edge/theriac/hint"
)

func main() {
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
	hint.Print(stderr, "anycastd", err)
	return 1
}

// rootCommand is the whole command line.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "anycastd", Short: "Announces this edge of an anycast tier while it is healthy",
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(runCommand(), checkCommand(), versionCommand())
	return root
}

func runCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "run", Short: "Runs in the foreground; when it ends, this edge is withdrawn", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := daemon.Read(path)
			if err != nil {
				return err
			}
			d, err := daemon.New(cmd.Context(), config, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			return d.Run(cmd.Context(), func() { _, _ = systemd.SdNotify(false, systemd.SdNotifyReady) })
		},
	}
	cmd.Flags().StringVar(&path, "config", daemon.DefaultPath, "the configuration")
	return cmd
}

func checkCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "check", Short: "Checks the configuration", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := daemon.Read(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, %s is one of %d edges, of which %d stay announced\n", path, config.Edge, len(config.Edges), config.Keep)
			return nil
		},
	}
	cmd.Flags().StringVar(&path, "config", daemon.DefaultPath, "the configuration")
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Prints the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			version := "(unknown)"
			if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
				version = build.Main.Version
			}
			fmt.Fprintln(cmd.OutOrStdout(), "anycastd", version)
			return nil
		},
	}
}
