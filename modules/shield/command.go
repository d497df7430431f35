package shield

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "shield",
		Usage: "status|shops|explain|level|waf|bans|ban|unban [--address <admin address>]",
		Short: "Asks a running edge about its shield",
		CobraFunc: func(cmd *cobra.Command) {
			cmd.PersistentFlags().String("address", "", "the edge's admin address; default: localhost:2019")
			cmd.PersistentFlags().Bool("json", false, "print the answer as JSON")
			cmd.AddCommand(statusCommand(), shopsCommand(), explainCommand(), levelCommand(), wafCommand(),
				bansCommand(), banCommand(), unbanCommand())
		},
	})
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Says how the edge and its store are", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/status", nil, printStatus)
		},
	}
}

func shopsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "shops", Short: "Lists the shops and how they fare", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/shops", nil, printShops)
		},
	}
}

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain <client address or reference>", Args: cobra.ExactArgs(1),
		Short: "Says what each stage knows about a client, or why a request was refused",
		RunE: func(cmd *cobra.Command, args []string) error {
			only, err := cmd.Flags().GetString("shop")
			if err != nil {
				return err
			}
			q := Question{Client: args[0], Shop: only}
			if _, err := netip.ParseAddr(args[0]); err != nil && isReference.MatchString(args[0]) {
				q = Question{Reference: args[0], Shop: only}
			}
			return ask(cmd, "POST", "/shield/explain", q, printExplanation)
		},
	}
	cmd.Flags().String("shop", "", "only this shop")
	return cmd
}

// isReference is what visitors read on a page: abcd-efgh.
var isReference = regexp.MustCompile(`^[0-9a-z]{4}-[0-9a-z]{4}$`)

// wafCommand asks for refused requests by the name of the stage that refuses
// them, as people look for it.
func wafCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "waf", Short: "Asks about requests that the WAF has refused"}
	cmd.AddCommand(&cobra.Command{
		Use: "explain <reference>", Args: cobra.ExactArgs(1),
		Short: "Says which rules refused a request, and the line that would let it through",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, "POST", "/shield/explain", Question{Reference: args[0]}, printExplanation)
		},
	})
	return cmd
}

func levelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "level <shop> <level>", Args: cobra.ExactArgs(2),
		Short: "Sets how hard a shop is attacked, at all edges",
		Long: `
Sets how hard a shop is attacked, at all edges at once and without a reload:

  0 calm          nobody is challenged
  1 raised        suspicious clients are
  2 attack        unknown visitors are, on pages that cost the shop something
  3 heavy attack  everybody is but partners
  4 siege         the same, and it costs more

Customers with a pass go on at each level.`,
		Example: "  theriac shield level loewen 2 --for 30m",
		RunE: func(cmd *cobra.Command, args []string) error {
			level, err := shop.ParseLevel(args[1])
			if err != nil {
				return err
			}
			lasts, err := cmd.Flags().GetString("for")
			if err != nil {
				return err
			}
			return ask(cmd, "POST", "/shield/level", Order{Shop: shop.ID(args[0]), Level: level, For: lasts}, printDone)
		},
	}
	cmd.Flags().String("for", "", "how long, such as 30m; default: until somebody says otherwise")
	return cmd
}

// ask sends one question to the admin address and prints the answer.
func ask[T any](cmd *cobra.Command, method, uri string, question any, print func(io.Writer, T)) error {
	cmd.SilenceUsage = true
	flag, err := cmd.Flags().GetString("address")
	if err != nil {
		return err
	}
	address, err := caddycmd.DetermineAdminAPIAddress(flag, nil, "", "")
	if err != nil {
		return fmt.Errorf("finding the edge's admin address: %w", err)
	}
	var body bytes.Buffer
	if question != nil {
		if err := json.NewEncoder(&body).Encode(question); err != nil {
			return fmt.Errorf("writing the question: %w", err)
		}
	}
	response, err := caddycmd.AdminAPIRequest(address, method, uri, nil, &body)
	if err != nil {
		return whyNot(address, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the edge's answer: %w", err)
	}
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		_, err = cmd.OutOrStdout().Write(raw)
		return err
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("understanding the edge's answer: %w", err)
	}
	print(cmd.OutOrStdout(), answer)
	return nil
}

// whyNot is the edge's own word where it answered, and a hint where nobody did.
func whyNot(address string, err error) error {
	var word struct {
		Error string `json:"error"`
	}
	if _, answer, ok := strings.Cut(err.Error(), "caddy responded with error: HTTP "); ok {
		_, answer, _ = strings.Cut(answer, ": ")
		if json.Unmarshal([]byte(answer), &word) == nil && word.Error != "" {
			return fmt.Errorf("asking the edge at %s: %s", address, word.Error)
		}
	}
	return fmt.Errorf("asking the edge at %s: %w\n  try: is the edge running, and is this its admin address (--address)?", address, err)
}

func printStatus(out io.Writer, r Report) {
	s := r.Store
	fmt.Fprintf(out, "edge     %s\n", r.Node)
	fmt.Fprintf(out, "shops    %d\n", r.Shops)
	switch {
	case s.Kind == "memory":
		fmt.Fprintf(out, "store    in this process\n")
	case s.Shared:
		fmt.Fprintf(out, "store    %s, shared; edges: %s\n", s.Kind, strings.Join(s.Nodes, ", "))
	default:
		fmt.Fprintf(out, "store    %s, LOST since %s: %s\n", s.Kind, s.Since.Format(time.DateTime), s.Reason)
		if n := len(s.Nodes); n > 1 {
			fmt.Fprintf(out, "         this edge goes on with 1/%d of every limit\n", n)
		} else {
			fmt.Fprintln(out, "         this edge knows no other and goes on with the whole of every limit")
		}
	}
	fmt.Fprintf(out, "keys     %d of %d", s.Keys, s.Capacity)
	if s.Evicted > 0 {
		fmt.Fprintf(out, "; %d forgotten too early: raise memory", s.Evicted)
	}
	fmt.Fprintln(out)
	if s.Kind != "memory" {
		fmt.Fprintf(out, "latency  %s, %d commands\n", s.Latency.Round(10*time.Microsecond), s.Commands)
	}
	fmt.Fprintf(out, "bans     %s, %d in force", r.Bans, r.Banned)
	if s.Pending > 0 {
		fmt.Fprintf(out, "; %d that the other edges do not know yet", s.Pending)
	}
	fmt.Fprintln(out)
	printScrub(out, r.Scrub)
}

func printDone(out io.Writer, d Done) {
	fmt.Fprintf(out, "%s is at level %s\n", d.Shop, d.Level)
	if d.Notice != "" {
		fmt.Fprintln(out, d.Notice)
	}
}

func printShops(out io.Writer, shops []ShopReport) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tNAME\tLEVEL\tREQUESTS\tREFUSED\tFAILED")
	for _, s := range shops {
		level := s.Level.String()
		if !s.Until.IsZero() {
			level += " until " + s.Until.Local().Format(time.TimeOnly)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\n", s.ID, s.Contact.Name, level, s.Requests, s.Refused, s.Failed)
	}
	table.Flush()
}

func printExplanation(out io.Writer, e Explanation) {
	fmt.Fprintf(out, "reference  %s\n", e.Reference)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tSTAGE\tRULE\tSAYS")
	for _, id := range slices.Sorted(maps.Keys(e.Shops)) {
		for _, f := range e.Shops[id] {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", id, f.Stage, f.Rule, f.Says)
		}
	}
	table.Flush()
}
