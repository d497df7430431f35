package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/drill/scenario"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the scenarios that are built in",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := scenario.Builtin()
			if err != nil {
				return err
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(out, "SCENARIO\tTIME\tSHOPS\tWAVES\tABOUT")
			for _, s := range all {
				fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%s\n", s.Name, s.For, len(s.Shops), len(s.Schedule().Pulses), s.About)
			}
			return out.Flush()
		},
	}
}

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check <name or file>",
		Short: "Reads a scenario and prints its schedule, without running it",
		Long: `Reads a scenario that is built in, or a file if the name has a slash or ends with
.yaml, and prints when which wave begins and how many customers come. What is
wrong in it is named with its line and what to write; then it exits with 1.`,
		Example: "  drill check ./mine.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenario.Find(args[0])
			if err != nil {
				return err
			}
			return printSchedule(cmd, s)
		},
	}
}

// sourcesOf says from where a wave comes.
func sourcesOf(w *scenario.Wave) string {
	switch {
	case w.Vector.IsPackets():
		return "spoofed"
	case w.Vector.IsProtocol():
		return fmt.Sprintf("%d, %d connections", w.From, w.Connections)
	}
	return fmt.Sprint(w.From)
}

func printSchedule(cmd *cobra.Command, s *scenario.Scenario) error {
	all := s.Schedule()
	orders := 0
	for _, v := range all.Visits {
		if v.Buys {
			orders++
		}
	}
	out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "%s, seed %d: %s, %d customers at %d shops, of which %d want to order\n", s.Name, s.Seed, s.For, len(all.Visits), len(s.Shops), orders)
	if len(all.Pulses) > 0 {
		fmt.Fprintln(out, "AT\tFOR\tWAVE\tSHOPS\tVECTOR\tRATE\tFROM")
	}
	for _, w := range all.Pulses {
		fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", w.At, w.For, w.Name, len(w.Shops), w.Vector, w.Rate, sourcesOf(&w))
	}
	for _, c := range s.Crowds {
		fmt.Fprintf(out, "%s\t%s\t%s\t1\tcustomers\t%s\t\n", c.At, c.For, c.Name, c.Arrive)
	}
	for _, c := range all.Chaos {
		fmt.Fprintf(out, "%s\t%s\t%s\t\t\t\t\n", c.At, c.For, c.Do)
	}
	return out.Flush()
}
