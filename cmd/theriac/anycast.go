package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/anycast/control"
	"github.com/theriac-edge/theriac/hint"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "anycast",
		Short: "Shows and changes what anycastd of this edge announces",
		CobraFunc: func(cmd *cobra.Command) {
			cmd.PersistentFlags().String("socket", control.DefaultSocket, "where anycastd listens")
			cmd.PersistentFlags().Bool("json", false, "print JSON")
			cmd.AddCommand(
				askCommand("status", "Shows state, reason, sessions and the other edges", "/status", printStatus),
				askCommand("history", "Shows the last changes of the state, with reason and operator", "/history", printHistory),
				orderCommand("drain", "Tells clients to go, then withdraws this edge; waits while too few others would stay"),
				orderCommand("withdraw", "Withdraws this edge at once, unless too few others would stay"),
				orderCommand("undrain", "Ends a drain or a hold: the edge is announced once it was healthy for 10 s"),
				escalateCommand(),
			)
		},
	})
}

// ask sends a request and prints the answer.
func ask[T any](cmd *cobra.Command, method, path string, body any, show func(io.Writer, T)) error {
	cmd.SilenceUsage = true
	var raw json.RawMessage
	if err := control.Call(cmd.Context(), cmd.Flag("socket").Value.String(), method, path, body, &raw); err != nil {
		if try := hint.Of(err); try != "" {
			err = fmt.Errorf("%w\n  try: %s", err, try)
		}
		return err
	}
	if cmd.Flag("json").Value.String() == "true" {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
		return err
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	show(cmd.OutOrStdout(), answer)
	return nil
}

func askCommand[T any](name, short, path string, show func(io.Writer, T)) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "GET", path, nil, show) },
	}
}

func orderCommand(name, short string) *cobra.Command {
	var o control.Order
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "POST", "/"+name, o, func(out io.Writer, _ struct{}) {
				fmt.Fprintln(out, "accepted; `theriac anycast status` says how far it is")
			})
		},
	}
	cmd.Flags().StringVar(&o.Why, "why", "", "reason, for the history and the audit trail")
	switch name {
	case "drain":
		cmd.Flags().StringVar(&o.Grace, "grace", anycast.Goodbye.String(), "how long to wait for connections to end, at most 1m")
	case "withdraw":
		cmd.Flags().BoolVar(&o.Force, "force", false, "whether or not enough others stay")
	}
	return cmd
}

// proofFlags are those of the evidence.
func proofFlags(cmd *cobra.Command, proof *anycast.Evidence) {
	cmd.Flags().Float64Var(&proof.PacketsPerSecond, "pps", 0, "packets per second of the attack, as measured now")
	cmd.Flags().Float64Var(&proof.BitsPerSecond, "bps", 0, "bits per second of the attack, as measured now")
	cmd.Flags().StringVar(&proof.From, "from", "", "where that was measured, such as scrubd or uplink")
}

func escalateCommand() *cobra.Command {
	var proof anycast.Evidence
	var rule anycast.Rule
	var source string
	s := anycast.Escalation{}
	cmd := &cobra.Command{
		Use:   "escalate flowspec|move|blackhole|leave [<address>]",
		Short: "Asks for the next remedy when the scrubber alone does not end an attack",
		Example: `  theriac anycast escalate flowspec 203.0.113.1 --protocol 17 --source-port 123 --rate 1000000 --bps 9e9 --from uplink
  theriac anycast escalate blackhole 203.0.113.1 --bps 40e9 --from uplink
  theriac anycast escalate confirm 3`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.Remedy, s.Evidence = anycast.Remedy(args[0]), []anycast.Evidence{proof}
			if err := setTarget(&s, args[1:], rule, source); err != nil {
				return err
			}
			return ask(cmd, "POST", "/escalations", s, printEscalation)
		},
	}
	proofFlags(cmd, &proof)
	cmd.Flags().StringVar(&s.Why, "why", "", "reason, for the audit trail")
	cmd.Flags().StringVar(&s.Shop, "shop", "", "which shop moves")
	cmd.Flags().StringVar(&source, "source", "", "of a rule: the prefix that it comes from")
	cmd.Flags().Uint8Var(&rule.Protocol, "protocol", 0, "of a rule: IP's number, such as 17 for UDP")
	cmd.Flags().Uint16Var(&rule.SourcePort, "source-port", 0, "of a rule: where it comes from")
	cmd.Flags().Uint16Var(&rule.Port, "port", 0, "of a rule: where it goes")
	cmd.Flags().Float64Var(&rule.Rate, "rate", 0, "of a rule: bytes per second that pass; 0 drops all")
	cmd.AddCommand(changeEscalation("confirm", "Is the second person's word"), changeEscalation("renew", "Has it last its whole time once more"), changeEscalation("end", "Ends it"))
	return cmd
}

func setTarget(s *anycast.Escalation, args []string, rule anycast.Rule, source string) (err error) {
	if s.Remedy != anycast.Leave {
		if len(args) == 0 {
			return errors.New("which address is attacked?")
		}
		if s.Address, err = netip.ParseAddr(args[0]); err != nil {
			return err
		}
	}
	if s.Remedy == anycast.FlowSpec {
		if source != "" {
			if rule.Source, err = netip.ParsePrefix(source); err != nil {
				return err
			}
		}
		s.Rule = &rule
	}
	return nil
}

func changeEscalation(name, short string) *cobra.Command {
	var proof anycast.Evidence
	cmd := &cobra.Command{
		Use: name + " <number>", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd, "POST", "/escalations/"+args[0]+"/"+name, proof, printEscalation)
		},
	}
	if name == "renew" {
		proofFlags(cmd, &proof)
	}
	return cmd
}

func printStatus(out io.Writer, s control.Status) {
	fmt.Fprintf(out, "edge      %s: %s, %s\n", s.Edge, s.State, s.Why)
	for _, line := range []struct{ name, text string }{{"ALARM", s.Alarm}, {"health", s.Health}, {"routers", s.Speaker}} {
		if line.text != "" {
			fmt.Fprintf(out, "%-9s %s\n", line.name, line.text)
		}
	}
	for _, one := range s.Sessions {
		fmt.Fprintf(out, "session   %s: %s\n", one.Peer, one.State)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Edges)) {
		fmt.Fprintf(out, "other     %s: %s\n", name, s.Edges[name].State)
	}
	fmt.Fprintf(out, "keep      %d\n", s.Keep)
	for _, one := range s.Escalations {
		printEscalation(out, one)
	}
}

func printEscalation(out io.Writer, s anycast.Escalation) {
	state := "in force"
	if s.Began.IsZero() {
		state = "waits for `theriac anycast escalate confirm` by another person"
	}
	where := ""
	if s.Address.IsValid() {
		where = " " + s.Address.String()
	}
	fmt.Fprintf(out, "%-9d %s%s: %s, until %s, by %s\n", s.ID, s.Remedy, where, state, s.Until.Local().Format(time.DateTime), strings.Join(s.By, " and "))
}

func printHistory(out io.Writer, all []anycast.Change) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "AT\tSTATE\tBY\tWHY")
	for _, c := range all {
		by := c.By
		if by == "" {
			by = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.At.Local().Format(time.DateTime), c.State, by, c.Why)
	}
	t.Flush()
}
