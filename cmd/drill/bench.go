package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"

	"github.com/spf13/cobra"
)

// A Bench measures one thing that we promise.
type Bench struct {
	Name   string
	Budget budget

	// What is compared with what, for people.
	About string

	// Of is the bench that this line tells more about: who asks for that one
	// gets this one, too.
	Of string

	// OnlyAsked keeps a bench out of runs that do not name it.
	OnlyAsked bool

	Run func(context.Context, *lab) (ratio float64, err error)
}

// benches is everything that `drill bench` measures, in the order of output.
// The budgets are those of the issues; see budget for how they are spelled.
var benches = append([]Bench{
	{
		Name: "allowed", Budget: "1.00", Run: allowed,
		About: "allowed request: the shield without its firewall, and its transport, against Caddy's reverse_proxy as it comes",
	},
	{
		Name: "allowed_tuned", Budget: "1.05", Run: allowedTuned,
		About: "allowed request: the shield without its firewall against reverse_proxy with the same transport and GOGC",
	},
	{
		Name: "refused", Budget: "1.25", Run: refused,
		About: "refusal with its page, through the error routes, against a bare `respond 429`",
	},
	{
		Name: "refused_compact", Budget: "1.05", Run: refusedCompact,
		About: "refusal of a client that ignores refusals against a bare `respond 429`",
	},
	{
		Name: "challenge_page", Budget: "1.3", Run: challengePage,
		About: "challenge with its page against a bare `respond 503`",
	},
	{
		Name: "challenge_bytes", Budget: "1.05", Run: challengeBytes,
		About: "challenge with its page against `respond 503` with as many bytes",
	},
	{
		Name: "pass_check", Budget: "600", Run: passCheck,
		About: "nanoseconds that the challenge adds to a request with a pass, budget included",
	},
	{
		Name: "pass_allocs", Budget: "0", Run: passAllocs,
		About: "allocations of the same",
	},
	{
		Name: "asymmetry", Budget: told, Run: asymmetry,
		About: "SHA-256 on one core without a browser against one worker of Chromium",
	},
	{
		Name: "take", Budget: "200", Run: take,
		About: "nanoseconds of one decision of the limiter",
	},
	{
		Name: "take_allocs", Budget: "0", Run: takeAllocs,
		About: "allocations of one decision of the limiter",
	},
	{
		Name: "redis_commands", Budget: "10", Run: redisCommands,
		About: "commands sent to Redis per 1,000 requests, 3 edges at 10 x overload",
	},
	{
		Name: "distributed", Budget: "0.97..1.02", Run: distributed,
		About: "admitted against the limit, 3 edges at 10 x overload",
	},
	{
		Name: "noise", Budget: "0.98..1.02", Run: noise, OnlyAsked: true,
		About: "plain Caddy against itself: how far other ratios can be trusted",
	},
}, append(wafBenches(), xdpBenches...)...)

// elsewhere is why something cannot be measured on this machine, though nothing
// is wrong.
type elsewhere string

func (e elsewhere) Error() string { return string(e) }

func benchCommand() *cobra.Command {
	var (
		only    []string
		edge    string
		verbose bool
		l       lab
	)
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Prints our ratios, one a line: name ratio budget ok|over",
		Long:  "Prints our ratios, one a line: name ratio budget ok|over. Exits with 1 if one is over its budget.\n\n" + aboutBenches(),
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := choose(benches, only)
			if err != nil {
				return err
			}
			if l.rounds < 1 || l.rounds > 1000 || l.each < 100*time.Millisecond || l.each > time.Minute {
				return hint.Errorf("--rounds 9 --for 1s", "reading flags: %d rounds of %s are outside of 1..1000 rounds of 100ms..1m", l.rounds, l.each)
			}
			l.log = cmd.ErrOrStderr()
			if err := l.open(cmd.Context(), edge); err != nil {
				return err
			}
			defer l.close()
			if verbose {
				fmt.Fprintln(l.log, "name\tratio\tbudget\tverdict")
			}
			return runBenches(cmd.Context(), chosen, &l, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "run only these benches, separated by commas")
	cmd.Flags().IntVar(&l.rounds, "rounds", 9, "how many rounds make one ratio, their median")
	cmd.Flags().DurationVar(&l.each, "for", time.Second, "how long each side works in a round")
	cmd.Flags().StringVar(&edge, "edge", "", "the edge's binary; default: built from ./cmd/theriac")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "print the table's header on stderr")
	return cmd
}

func aboutBenches() string {
	var s strings.Builder
	for _, b := range benches {
		if b.Of == "" {
			fmt.Fprintf(&s, "  %-16s %s\n", b.Name, b.About)
		}
	}
	return s.String() + "\n" + aboutWAF
}

// choose finds the benches to run; without names, those that need no asking.
func choose(from []Bench, names []string) ([]Bench, error) {
	var chosen []Bench
	if len(names) == 0 {
		for _, b := range from {
			if !b.OnlyAsked {
				chosen = append(chosen, b)
			}
		}
		return chosen, nil
	}
	var all []string
	for _, b := range from {
		if b.Of == "" {
			all = append(all, b.Name)
		}
	}
	for _, name := range names {
		before := len(chosen)
		for _, b := range from {
			if b.Name == name || b.Of == name && name != "" {
				chosen = append(chosen, b)
			}
		}
		if len(chosen) == before {
			return nil, hint.Errorf(strings.Join(all, ", "), "reading --only: no bench is called %q", name)
		}
	}
	return chosen, nil
}

// runBenches prints one line for each bench that could be measured, and says
// at the end which were over or could not be. One that fails does not keep
// the others from running.
func runBenches(ctx context.Context, chosen []Bench, l *lab, stdout io.Writer) error {
	var over []string
	var failed []error
	for _, b := range chosen {
		l.bench = b.Name
		ratio, err := b.Run(ctx, l)
		if ctx.Err() != nil {
			return fmt.Errorf("measuring %s: interrupted", b.Name)
		}
		if why, cannot := errors.AsType[elsewhere](err); cannot {
			fmt.Fprintf(stdout, "%-15s %8s %11s skipped: %s\n", b.Name, told, b.Budget, why)
			continue
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("measuring %s: %w", b.Name, err))
			continue
		}
		verdict := "ok"
		if !b.Budget.holds(ratio) {
			verdict = "over"
			over = append(over, b.Name)
		}
		fmt.Fprintf(stdout, "%-15s %8s %11s %s\n", b.Name, number(ratio), b.Budget, verdict)
	}
	if len(over) > 0 {
		failed = append(failed, fmt.Errorf("over budget: %s", strings.Join(over, ", ")))
	}
	return errors.Join(failed...)
}
