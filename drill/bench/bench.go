package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/theriac-edge/theriac/hint"
)

// A Bench measures one ratio.
type Bench struct {
	Name   string
	Budget Budget

	// What is compared with what, for the help text.
	About string

	// Of is the bench of which this line is a detail: choosing that bench chooses
	// this one.
	Of string

	// OnlyAsked keeps a bench out of runs that do not name it.
	OnlyAsked bool

	Run func(context.Context, *Env) (ratio float64, err error)
}

// All is every bench, in the order of output. See Budget for the notation.
var All = append([]Bench{
	{
		Name: "allowed", Budget: "1.00", Run: allowed,
		About: "allowed request: the shield without its firewall, and its transport, against Caddy's reverse_proxy with its defaults",
	},
	{
		Name: "allowed_tuned", Budget: "1.05", Run: allowedTuned,
		About: "allowed request: the shield without its firewall against reverse_proxy with the same transport",
	},
	{
		Name: "refused", Budget: "1.20", Run: refused,
		About: "refusal with its page against a bare `respond 429`",
	},
	{
		Name: "refused_compact", Budget: "1.05", Run: refusedCompact,
		About: "refusal of a client that ignores refusals against a bare `respond 429`",
	},
	{
		Name: "refused_banned", Budget: "1.5", Run: refusedBanned,
		About: "refusal of a banned client, without a gate, against a bare `respond 429`",
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
		About: "nanoseconds that the challenge adds to a request with a pass, including the pass's budget",
	},
	{
		Name: "pass_allocs", Budget: "0", Run: passAllocs,
		About: "allocations of the same",
	},
	{
		Name: "asymmetry", Budget: noBudget, Run: asymmetry,
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
		Name: "watch", Budget: "20", Run: watchCount,
		About: "nanoseconds of CPU that the watch takes of each request, counted from its arrival to its end",
	},
	{
		Name: "watch_allocs", Budget: "0", Run: watchAllocs,
		About: "allocations of the same",
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
		Name: "noise", Budget: "0.98..1.02", Run: selfTest, OnlyAsked: true,
		About: "plain Caddy against itself: how far the other ratios can be trusted",
	},
}, slices.Concat(wafBenches(), sieveBenches(), xdpBenches)...)

// errUnsupported is why a bench cannot run on this machine. It is skipped then,
// and does not fail.
type errUnsupported string

func (e errUnsupported) Error() string { return string(e) }

// About is the list of benches for the help text.
func About() string {
	var s strings.Builder
	for _, b := range All {
		if b.Of == "" {
			fmt.Fprintf(&s, "  %-16s %s\n", b.Name, b.About)
		}
	}
	return s.String() + "\n" + aboutWAF
}

// Choose returns the benches with these names, or without names all that are not
// OnlyAsked.
func Choose(from []Bench, names []string) ([]Bench, error) {
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
			return nil, hint.Errorf(strings.Join(all, ", "), "reading --only: unknown bench %q", name)
		}
	}
	return chosen, nil
}

// Run runs the benches and prints one line for each that could be measured. It
// returns an error that names those that are over their budget, and those that
// failed; one that fails does not keep the others from running.
func (v *Env) Run(ctx context.Context, chosen []Bench, stdout io.Writer) error {
	var over []string
	var failed []error
	for _, b := range chosen {
		v.bench = b.Name
		ratio, err := b.Run(ctx, v)
		if ctx.Err() != nil {
			return fmt.Errorf("measuring %s: interrupted", b.Name)
		}
		if why, cannot := errors.AsType[errUnsupported](err); cannot {
			fmt.Fprintf(stdout, "%-15s %8s %11s skipped: %s\n", b.Name, noBudget, b.Budget, why)
			continue
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("measuring %s: %w", b.Name, err))
			continue
		}
		result := "ok"
		if !b.Budget.holds(ratio) {
			result = "over"
			over = append(over, b.Name)
		}
		fmt.Fprintf(stdout, "%-15s %8s %11s %s\n", b.Name, number(ratio), b.Budget, result)
	}
	if len(over) > 0 {
		failed = append(failed, fmt.Errorf("over budget: %s", strings.Join(over, ", ")))
	}
	return errors.Join(failed...)
}
