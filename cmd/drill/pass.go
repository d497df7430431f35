package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/drill/flood"
	"github.com/theriac-edge/theriac/drill/load"
)

func passCommand() *cobra.Command {
	var p flood.Theft
	cmd := &cobra.Command{
		Use:   "pass",
		Short: "Solves a challenge without a browser and prints the pass, for use in a flood",
		Long: `Requests a challenge of a shop on this machine, solves it without a browser, and
prints the pass on stdout and how long that took on stderr. A pass is valid for
requests with the same --agent.`,
		Example: `  drill flood --target http://127.0.0.1:8080 --host loewen.localhost \
    --cookie "$(drill pass --target http://127.0.0.1:8080 --host loewen.localhost)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.Run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&p.Target, "target", "http://127.0.0.1:8080", "URL of the edge; loopback only")
	flags.StringVar(&p.Host, "host", "", "Host header; default: that of --target")
	flags.StringVar(&p.Agent, "agent", load.Chrome, "User-Agent that the pass is bound to")
	flags.StringVar(&p.Source, "source", "", fmt.Sprintf("loopback address that earns it; that of a flood's first client is %s", load.FloodAddr(0)))
	return cmd
}
