package shieldctl

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
)

func bansCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bans", Short: "Lists the bans, and the last ones that were not made", Args: cobra.NoArgs,
		Long: `
Lists which clients are banned, at which shop, why and until when, and how many
packets the scrubber has dropped because of it. An edge knows the addresses of
the clients that came to it; of all others it shows a reference, which is the
same at every edge.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/bans", nil, printBans)
		},
	}
}

func banCommand() *cobra.Command {
	var q BanRequest
	cmd := &cobra.Command{
		Use: "ban <address or prefix>", Args: cobra.ExactArgs(1),
		Short: "Bans a client, or a /24 or /48, at all edges",
		Long: `
Bans a client at all edges at once: an IPv4 address, the /64 around an IPv6
address, or a whole /24 or /48. Without --shop the ban holds at all shops, before
TLS, and in the scrubber; with it for requests to that shop. Addresses of
` + "`never_ban`" + `, trusted proxies and partners are never refused.

Where customers came from in the last minutes, --force is required.`,
		Example: "  theriac shield ban 192.0.2.7 --for 30m --why \"reads the whole catalogue\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Client = args[0]
			return ask(cmd, "POST", "/shield/bans", q, printBanned)
		},
	}
	cmd.Flags().StringVar((*string)(&q.Shop), "shop", "", "only at this shop")
	cmd.Flags().StringVar(&q.For, "for", "", "how long, such as 30m; default: 1h")
	cmd.Flags().StringVar(&q.Why, "why", "", "a note for colleagues")
	cmd.Flags().BoolVar(&q.Force, "force", false, "even if customers came from there lately")
	return cmd
}

func unbanCommand() *cobra.Command {
	q := BanRequest{Lift: true}
	cmd := &cobra.Command{
		Use: "unban <address or prefix>", Args: cobra.ExactArgs(1),
		Short: "Lifts the bans of a client at all edges, and clears its counts",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Client = args[0]
			return ask(cmd, "POST", "/shield/bans", q, printLifted)
		},
	}
	cmd.Flags().StringVar(&q.Why, "why", "", "reason, for the audit trail")
	return cmd
}

func printBanned(out io.Writer, d BanResponse) {
	fmt.Fprintf(out, "%s is banned at %s until %s\n", d.Client, everyOr(d.Shop, "all shops"), d.Until.Local().Format(time.DateTime))
	printNotices(out, d.Notices)
}

func printLifted(out io.Writer, d BanResponse) {
	if d.Lifted == 0 {
		fmt.Fprintf(out, "%s was not banned; its counts are cleared\n", d.Client)
	} else {
		fmt.Fprintf(out, "unbanned %s\n", d.Client)
	}
	printNotices(out, d.Notices)
}

func printNotices(out io.Writer, notices []string) {
	for _, notice := range notices {
		fmt.Fprintf(out, "  note: %s\n", notice)
	}
}

func everyOr(id shop.ID, every string) string {
	if id == "" {
		return every
	}
	return string(id)
}

func printBans(out io.Writer, r BansReport) {
	if r.Mode != shield.On {
		fmt.Fprintf(out, "bans are %s at this edge: no client is refused because of them\n", r.Mode)
	}
	if len(r.Bans) == 0 {
		fmt.Fprintln(out, "no client is banned")
	} else {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CLIENT\tSHOP\tCAUSE\tRULE\tSINCE\tUNTIL\tDROPPED\tNOTE")
		for _, b := range r.Bans {
			name, dropped := b.Client, "-"
			if name == "" {
				name = "key " + b.Key
			}
			if b.Pushed {
				dropped = fmt.Sprint(b.Packets)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, everyOr(b.Shop, "all"), b.Cause, b.Rule,
				b.Since.Local().Format(time.TimeOnly), b.Until.Local().Format(time.DateTime), dropped, b.Notice)
		}
		table.Flush()
	}
	if len(r.Notes) > 0 {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "\nNOT BANNED\tSHOP\tCAUSE\tRULE\tAT\tBECAUSE")
		for _, n := range r.Notes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Client, n.Shop, n.Cause, n.Rule, n.At.Local().Format(time.TimeOnly), shield.Because(n.Outcome))
		}
		table.Flush()
	}
	printScrubber(out, r.Scrub)
}

func printScrubber(out io.Writer, s *client.Status) {
	switch {
	case s == nil:
	case s.Answers:
		fmt.Fprintf(out, "scrub    %s: %d bans, %d refused, %d packets dropped\n", s.Address, s.Bans, s.Refused, s.Packets)
	default:
		fmt.Fprintf(out, "scrub    %s, NO ANSWER since %s: %s\n", s.Address, s.Since.Local().Format(time.DateTime), s.Reason)
		fmt.Fprintln(out, "         until it is back, bans hold at this edge only")
	}
}
