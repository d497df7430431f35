package shield

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
)

func bansCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bans", Short: "Lists who is banned, and who nearly was", Args: cobra.NoArgs,
		Long: `
Lists who is banned, at which shop, why and until when, and how many packets the
scrubber has dropped for it. An edge knows the address of those who came to it;
of all others it shows a reference, which is the same at every edge.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/bans", nil, printBans)
		},
	}
}

func banCommand() *cobra.Command {
	var o BanOrder
	cmd := &cobra.Command{
		Use: "ban <address or prefix>", Args: cobra.ExactArgs(1),
		Short: "Refuses a client, or a /24 or /48, at all edges",
		Long: `
Refuses a client at all edges at once: an IPv4 address, the /64 around an IPv6
address, or a whole /24 or /48. Without --shop it holds for all shops, before
TLS, and in the scrubber below; with it for requests to that shop. Lists
` + "`allow`" + `, trusted proxies and partners are never refused.

Where customers came from in the last minutes it wants --force.`,
		Example: "  theriac shield ban 192.0.2.7 --for 30m --why \"reads the whole catalogue\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Client = args[0]
			return ask(cmd, "POST", "/shield/bans", o, printBanned)
		},
	}
	cmd.Flags().StringVar((*string)(&o.Shop), "shop", "", "only at this shop")
	cmd.Flags().StringVar(&o.For, "for", "", "how long, such as 30m; default: 1h")
	cmd.Flags().StringVar(&o.Why, "why", "", "a line for whoever asks later")
	cmd.Flags().BoolVar(&o.Force, "force", false, "even if customers came from there lately")
	return cmd
}

func unbanCommand() *cobra.Command {
	o := BanOrder{Lift: true}
	return &cobra.Command{
		Use: "unban <address or prefix>", Args: cobra.ExactArgs(1),
		Short: "Lifts a ban at all edges, and clears what was counted of the client",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Client = args[0]
			return ask(cmd, "POST", "/shield/bans", o, printLifted)
		},
	}
}

func printBanned(out io.Writer, d BanDone) {
	fmt.Fprintf(out, "%s is banned at %s until %s\n", d.Client, everyOr(d.Shop, "all shops"), d.Until.Local().Format(time.DateTime))
	printNotices(out, d.Notices)
}

func printLifted(out io.Writer, d BanDone) {
	switch d.Lifted {
	case 0:
		fmt.Fprintf(out, "%s was not banned; what was counted of it is cleared\n", d.Client)
	default:
		fmt.Fprintf(out, "%s is banned no more\n", d.Client)
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
	if r.Mode != BansOn {
		fmt.Fprintf(out, "bans are %s at this edge: nobody is refused by them\n", r.Mode)
	}
	if len(r.Bans) == 0 {
		fmt.Fprintln(out, "nobody is banned")
	} else {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "WHO\tSHOP\tCAUSE\tRULE\tSINCE\tUNTIL\tDROPPED\tNOTE")
		for _, b := range r.Bans {
			who, dropped := b.Client, "-"
			if who == "" {
				who = "key " + b.Key
			}
			if b.Passed {
				dropped = fmt.Sprint(b.Packets)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", who, everyOr(b.Shop, "all"), b.Cause, b.Rule,
				b.Since.Local().Format(time.TimeOnly), b.Until.Local().Format(time.DateTime), dropped, b.Notice)
		}
		table.Flush()
	}
	if len(r.Notes) > 0 {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "\nNOT BANNED\tSHOP\tCAUSE\tRULE\tAT\tBECAUSE")
		for _, n := range r.Notes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Client, n.Shop, n.Cause, n.Rule, n.At.Local().Format(time.TimeOnly), because(n.Outcome))
		}
		table.Flush()
	}
	printScrub(out, r.Scrub)
}

// because says what an outcome means.
func because(outcome string) string {
	switch outcome {
	case vouched:
		return "protected: customers came from around it"
	case capped:
		return "the shop's cap of bans a minute"
	case spared:
		return "never banned: on the list, a proxy or a partner"
	case shadow:
		return "bans are in shadow"
	case full:
		return "the list of bans is full"
	case refused:
		return "customers at another edge, or the cap of all edges"
	}
	return outcome
}

func printScrub(out io.Writer, s *client.Status) {
	switch {
	case s == nil:
	case s.Answers:
		fmt.Fprintf(out, "scrub    %s: %d bans, %d refused, %d packets dropped\n", s.Address, s.Bans, s.Refused, s.Packets)
	default:
		fmt.Fprintf(out, "scrub    %s, NO ANSWER since %s: %s\n", s.Address, s.Since.Local().Format(time.DateTime), s.Reason)
		fmt.Fprintln(out, "         bans hold at this edge alone meanwhile")
	}
}
