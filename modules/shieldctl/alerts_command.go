package shieldctl

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
)

func alertsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "alerts", Short: "Lists the receivers of alerts, and what became of the alerts", Args: cobra.NoArgs,
		Long: `
Lists the receivers of alerts that this edge has, how many alerts wait for each, were
delivered, are dead letters or were dropped since it started, and what came of the last
one. Of a URL it shows the host.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/alerts", nil, printAlerts)
		},
	}
	cmd.AddCommand(testAlertsCommand())
	return cmd
}

func testAlertsCommand() *cobra.Command {
	var q TestRequest
	cmd := &cobra.Command{
		Use: "test [receiver]", Args: cobra.MaximumNArgs(1),
		Short: "Sends a test to the receivers of alerts, and shows what they answer",
		Long: `
Sends a test to one receiver, or to all, once and at once, and shows which of them took
it, and why the others did not. PagerDuty opens an incident for it, which you resolve. It
fails if a receiver does not take the test.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.Receiver = args[0]
			}
			refused := 0
			err := ask(cmd, "POST", "/shield/alerts/test", q, func(out io.Writer, r TestResponse) {
				refused = printTests(out, r)
			})
			if err == nil && refused > 0 {
				err = fmt.Errorf("receivers that did not take the test: %d", refused)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for the audit trail")
	return cmd
}

func printAlerts(out io.Writer, r AlertsReport) {
	if len(r.Receivers) == 0 {
		fmt.Fprintln(out, "nobody is told of attacks: alerts in the global option shield names receivers")
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RECEIVER\tFORMAT\tHOST\tWAITING\tDELIVERED\tDEAD\tDROPPED\tLAST")
	for _, one := range r.Receivers {
		last := "-"
		if one.Last != "" {
			last = one.Last + " " + one.At.Local().Format(time.DateTime)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", one.Name, one.Format, one.Host, one.Waiting, one.Delivered, one.Dead, one.Dropped, last)
	}
	table.Flush()
	for _, one := range r.Receivers {
		if one.Why != "" {
			fmt.Fprintln(out, one.Why)
		}
	}
	if d := r.DeadLetters; d != nil && d.Bytes > 0 {
		fmt.Fprintf(out, "dead letters: %s, %s, the last of %s\n", d.File, humanize.Bytes(uint64(d.Bytes)), d.At.Local().Format(time.DateTime))
	}
}

// printTests returns how many receivers did not take the test.
func printTests(out io.Writer, r TestResponse) (refused int) {
	for _, one := range r.Results {
		if !one.Taken {
			refused++
			fmt.Fprintf(out, "%s did NOT take it: %s\n", one.Receiver, one.Why)
		} else {
			fmt.Fprintf(out, "%s took it\n", one.Receiver)
		}
		if one.Said != "" {
			fmt.Fprintf(out, "  it said: %s\n", one.Said)
		}
	}
	return refused
}
