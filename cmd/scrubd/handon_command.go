//go:build linux

package main

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/scrubd/daemon"
)

func handOnCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "handon", Short: "Opens or closes the window in which strays go on to the next edge of the ring", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(handOnOpenCommand(), &cobra.Command{
		Use: "close", Short: "Closes the window before its end", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "DELETE", client.HandOnPath, nil, func(out io.Writer, _ struct{}) { fmt.Fprintln(out, "closed") })
		},
	})
	return cmd
}

func handOnOpenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "open", Short: "Opens the window, or moves the end of one that is open", Args: cobra.NoArgs,
		Example: "  scrubd handon open --for 2m --without 10.0.0.3 --why 'fra-3 is dead'",
	}
	lasting := cmd.Flags().Duration("for", 2*time.Minute, "how long: 1s to max_window of the policy file")
	rate := cmd.Flags().String("rate", "", "segments at most, such as 1000/s (default: as the policy file says, which is also the most)")
	without := cmd.Flags().StringSlice("without", nil, "addresses of edges to leave out of the ring")
	why := cmd.Flags().String("why", "", "reason, for the audit trail")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		open := client.HandOn{For: lasting.String(), Why: *why}
		if *rate != "" {
			if err := open.Rate.UnmarshalText([]byte(*rate)); err != nil {
				return usageError{err}
			}
		}
		for _, text := range *without {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return usageError{fmt.Errorf("without: %q is not a valid address", text)}
			}
			open.Without = append(open.Without, addr)
		}
		return ask(cmd, "POST", client.HandOnPath, open, func(out io.Writer, o client.HandOnOpened) {
			fmt.Fprintf(out, "open until %s, to %s\n", o.Until.Local().Format(time.DateTime), o.Next)
		})
	}
	return cmd
}

// printHandOn prints the ring, if there is one.
func printHandOn(out io.Writer, h *daemon.HandOnState) {
	if h == nil {
		return
	}
	state := "no window is open"
	if !h.Until.IsZero() {
		state = "open until " + h.Until.Local().Format(time.DateTime)
	}
	if h.Mode == scrub.HandOnMonitor {
		state += "; only counted"
	}
	fmt.Fprintf(out, "handon    to %s: %s\n", h.Next, state)
}
