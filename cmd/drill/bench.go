package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/drill/bench"
	"github.com/theriac-edge/theriac/hint"
)

func benchCommand() *cobra.Command {
	var (
		only    []string
		edge    string
		verbose bool
		env     bench.Env
	)
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measures what an edge costs, one ratio per line: name ratio budget ok|over",
		Long:  "Measures what an edge costs, one ratio per line: name ratio budget ok|over.\nExits with 1 if a ratio is over its budget.\n\n" + bench.About(),
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := bench.Choose(bench.All, only)
			if err != nil {
				return err
			}
			if env.Rounds < 1 || env.Rounds > 1000 || env.Each < 100*time.Millisecond || env.Each > time.Minute {
				return hint.Errorf("--rounds 9 --for 1s", "reading flags: --rounds %d --for %s: want 1 to 1000 rounds of 100ms to 1m", env.Rounds, env.Each)
			}
			env.Log = cmd.ErrOrStderr()
			if err := env.Open(cmd.Context(), edge); err != nil {
				return err
			}
			defer env.Close()
			if verbose {
				fmt.Fprintln(env.Log, "name\tratio\tbudget\tresult")
			}
			return env.Run(cmd.Context(), chosen, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "run only these benches, separated by commas")
	cmd.Flags().IntVar(&env.Rounds, "rounds", 9, "number of rounds; a ratio is their median")
	cmd.Flags().DurationVar(&env.Each, "for", time.Second, "how long each side works in a round")
	cmd.Flags().StringVar(&edge, "edge", "", "binary of the edge; default: built from ./cmd/theriac")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "print a header on stderr")
	return cmd
}
