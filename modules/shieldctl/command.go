package shieldctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "shield",
		Usage: "status|shops|explain|level|levels|expect|watch|waf|bans|ban|unban|alerts|drain|undrain|incidents|ledger [--address <admin address>]",
		Short: "Queries and controls the shield of a running edge",
		CobraFunc: func(cmd *cobra.Command) {
			cmd.PersistentFlags().String("address", "", "the edge's admin address; default: localhost:2019")
			cmd.PersistentFlags().Bool("json", false, "print the answer as JSON")
			cmd.AddCommand(statusCommand(), shopsCommand(), explainCommand(), levelCommand(), levelsCommand(), expectCommand(), watchCommand(), wafCommand(),
				bansCommand(), banCommand(), unbanCommand(), alertsCommand(), drainCommand(), undrainCommand(), incidentsCommand(), ledgerCommand())
		},
	})
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Shows the status of this edge and its store", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/status", nil, printStatus)
		},
	}
}

func shopsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "shops", Short: "Lists the shops with their counters", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/shield/shops", nil, printShops)
		},
	}
}

// ask sends one request to the admin address and prints the answer.
func ask[T any](cmd *cobra.Command, method, uri string, question any, print func(io.Writer, T)) error {
	raw, err := request(cmd, method, uri, question)
	if err != nil {
		return err
	}
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		_, err = cmd.OutOrStdout().Write(raw)
		return err
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("parsing the edge's answer: %w", err)
	}
	print(cmd.OutOrStdout(), answer)
	return nil
}

// request sends one request to the admin address and returns the answer.
func request(cmd *cobra.Command, method, uri string, question any) ([]byte, error) {
	cmd.SilenceUsage = true
	flag, err := cmd.Flags().GetString("address")
	if err != nil {
		return nil, err
	}
	address, err := caddycmd.DetermineAdminAPIAddress(flag, nil, "", "")
	if err != nil {
		return nil, fmt.Errorf("finding the edge's admin address: %w", err)
	}
	var body bytes.Buffer
	if question != nil {
		if err := json.NewEncoder(&body).Encode(question); err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
	}
	response, err := caddycmd.AdminAPIRequest(address, method, uri, nil, &body)
	if err != nil {
		return nil, whyNot(address, err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the edge's answer: %w", err)
	}
	return raw, nil
}

// whyNot is the edge's own error where it answered, otherwise a hint.
func whyNot(address string, err error) error {
	var word struct {
		Error string `json:"error"`
	}
	if _, answer, ok := strings.Cut(err.Error(), "caddy responded with error: HTTP "); ok {
		_, answer, _ = strings.Cut(answer, ": ")
		if json.Unmarshal([]byte(answer), &word) == nil && word.Error != "" {
			err = fmt.Errorf("asking the edge at %s: %s", address, word.Error)
			if strings.Contains(word.Error, "from origin") || strings.Contains(word.Error, "host not allowed") {
				err = fmt.Errorf("%w\n  try: in the Caddyfile's admin, name this address among origins; on a unix socket, remove enforce_origin", err)
			}
			return err
		}
	}
	try := "is the edge running, and is this its admin address (--address)?"
	if strings.Contains(err.Error(), "permission denied") { // Caddy keeps the text alone
		try = "sudo, or join the group of the socket"
	}
	return fmt.Errorf("asking the edge at %s: %w\n  try: %s", address, err, try)
}

func printStatus(out io.Writer, r Status) {
	s := r.Store
	fmt.Fprintf(out, "edge     %s", r.Node)
	if r.Draining {
		fmt.Fprint(out, ", DRAINING: health checks get 503; `theriac shield undrain` ends it")
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "shops    %d\n", r.Shops)
	switch {
	case s.Kind == "memory":
		fmt.Fprintf(out, "store    in this process\n")
	case s.Shared:
		fmt.Fprintf(out, "store    %s, shared; edges: %s\n", s.Kind, strings.Join(slices.Sorted(slices.Values(s.Nodes)), ", "))
		if s.Reason != "" {
			fmt.Fprintf(out, "         %s\n", s.Reason)
		}
	default:
		fmt.Fprintf(out, "store    %s, LOST since %s: %s\n", s.Kind, s.Since.Format(time.DateTime), s.Reason)
		if n := len(s.Nodes); n > 1 {
			fmt.Fprintf(out, "         this edge enforces 1/%d of every limit\n", n)
		} else {
			fmt.Fprintln(out, "         this edge knows of no other edge and enforces every limit in full")
		}
	}
	fmt.Fprintf(out, "keys     %d of %d", s.Keys, s.Capacity)
	if s.Evicted > 0 {
		fmt.Fprintf(out, "; %d evicted too early: raise memory", s.Evicted)
	}
	fmt.Fprintln(out)
	if r.Memory != "" {
		fmt.Fprintf(out, "         %s\n", r.Memory)
	}
	if s.Kind != "memory" {
		fmt.Fprintf(out, "latency  %s, %d commands\n", s.Latency.Round(10*time.Microsecond), s.Commands)
	}
	fmt.Fprintf(out, "bans     %s, %d in force", r.Bans, r.Banned)
	if s.Pending > 0 {
		fmt.Fprintf(out, "; %d that the other edges do not know yet", s.Pending)
	}
	fmt.Fprintln(out)
	printLevels(out, &r)
	printSecret(out, &r)
	printScrubber(out, r.Scrub)
	label := "acts"
	for _, act := range r.Acts[:min(3, len(r.Acts))] {
		fmt.Fprintf(out, "%-8s %s %s\n", label, act.At.Local().Format(time.DateTime), act)
		label = ""
	}
}

// printSecret prints which secrets the edge has, and what is wrong with them or with files.
func printSecret(out io.Writer, r *Status) {
	if s := r.Secret; s != nil {
		fmt.Fprintf(out, "secret   %s", s.First)
		if len(s.Accepted) > 0 {
			fmt.Fprintf(out, "; accepted: %s", strings.Join(s.Accepted, ", "))
		}
		fmt.Fprintln(out)
		for _, other := range s.Unlike {
			fmt.Fprintf(out, "         UNLIKE: %s\n", other)
		}
	}
	for _, why := range r.Unusable {
		fmt.Fprintf(out, "file     CANNOT BE USED, so what was read before is in force: %s\n", why)
	}
}

func printShops(out io.Writer, shops []ShopStatus) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHOP\tNAME\tLEVEL\tREQUESTS\tREFUSED\tFAILED")
	for _, s := range shops {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\n", s.ID, s.Contact.Name, s.LevelReport.String(), s.Requests, s.Refused, s.Failed)
	}
	table.Flush()
}
