package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"

	"github.com/spf13/cobra"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// A flood is many clients that ask one shop for pages, and customers who buy
// at a shop meanwhile.
type flood struct {
	target  string
	host    string
	paths   []string
	agent   string
	cookies []string
	rate    int
	from    int
	lasts   time.Duration

	customers customers
}

func floodCommand() *cobra.Command {
	var f flood
	cmd := &cobra.Command{
		Use:   "flood",
		Short: "Floods one shop on this machine while customers buy, and reports what both saw",
		Long: `Floods one shop on this machine from many loopback addresses, with requests that
look like those of browsers. With --customers, shoppers walk through a shop and buy meanwhile; with --truth, that shop is asked
at the end what became of their orders.

Exits with 1 if a shopper saw an error, an order was lost or doubled, or the
shoppers' p99 is above --p99.`,
		Example: `  drill flood --target http://127.0.0.1:8080 --host loewen.localhost --rate 8000 --from 1000 --for 60s \
    --customers http://127.0.0.1:8080 --customers-host sonnen.localhost --truth http://127.0.0.1:9002/_truth`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.target, "target", "http://127.0.0.1:8080", "what is flooded; loopback only")
	flags.StringVar(&f.host, "host", "", "the Host that the flood asks for; default: the target's")
	flags.StringArrayVar(&f.paths, "path", []string{"/"}, "what the flood asks for; may be repeated")
	flags.StringVar(&f.agent, "agent", chrome, "the User-Agent that the flood has")
	flags.StringArrayVar(&f.cookies, "cookie", nil, "a cookie that the flood carries, such as a stolen pass (see `drill pass`); may be repeated: each request carries one")
	flags.IntVar(&f.rate, "rate", 8000, fmt.Sprintf("requests a second, %d at the most", maxRate))
	flags.IntVar(&f.from, "from", 1000, fmt.Sprintf("how many addresses the flood comes from, %d at the most", maxSources))
	flags.DurationVar(&f.lasts, "for", time.Minute, fmt.Sprintf("how long it lasts, %s at the most", maxFlood))
	flags.StringVar(&f.customers.base, "customers", "", "where the customers shop; loopback only; default: no customers")
	flags.StringVar(&f.customers.host, "customers-host", "", "the Host that the customers ask for; default: that of --customers")
	flags.IntVar(&f.customers.shoppers, "shoppers", 8, fmt.Sprintf("how many customers shop at the same time, %d at the most", maxShoppers))
	flags.DurationVar(&f.customers.pause, "pause", 200*time.Millisecond, "how long a customer looks at a page")
	flags.StringVar(&f.customers.truth, "truth", "", "the shop's own counts, asked without the edge; loopback only")
	flags.DurationVar(&f.customers.p99, "p99", 50*time.Millisecond, "the most that 99 of 100 customers' requests may take")
	return cmd
}

// check reads the flags and refuses what is no drill.
func (f *flood) check() (target netip.AddrPort, err error) {
	u, target, err := loopback("target", f.target)
	if err != nil {
		return target, err
	}
	if f.host == "" {
		f.host = u.Host
	}
	for _, p := range f.paths {
		if !strings.HasPrefix(p, "/") {
			return target, hint.Errorf("/search?q=tee", "reading --path %q: it does not begin with a slash", p)
		}
	}
	for _, c := range f.cookies {
		if _, err := http.ParseCookie(c); err != nil {
			return target, hint.Errorf("what `drill pass` prints", "reading --cookie %q: it is not name=value", c)
		}
	}
	for _, limit := range []struct {
		flag      string
		got, most float64
		try       string
	}{
		{"rate", float64(f.rate), maxRate, "--rate 8000"},
		{"from", float64(f.from), maxSources, "--from 1000"},
		{"for", f.lasts.Seconds(), maxFlood.Seconds(), "--for 60s"},
		{"shoppers", float64(f.customers.shoppers), maxShoppers, "--shoppers 8"},
	} {
		if limit.got <= 0 || limit.got > limit.most {
			return target, hint.Errorf(limit.try, "reading --%s: %g is outside of 1 to %g; a drill is bounded", limit.flag, limit.got, limit.most)
		}
	}
	if !target.Addr().Is4() && f.from > 1 {
		return target, hint.Errorf("--target http://127.0.0.1:…, or --from 1", "flooding %s from %d addresses: ::1 is the only one of its kind", target, f.from)
	}
	return target, f.customers.check()
}

func (f *flood) run(ctx context.Context, stdout io.Writer) error {
	target, err := f.check()
	if err != nil {
		return err
	}
	// Each source and each shopper's connection is a file, and a new one may
	// be opened while the old one closes.
	if err := allowFiles(uint64(f.from + 8*f.customers.shoppers + 256)); err != nil {
		return err
	}
	by := newSources(target, floodFrom(f.from), nil)
	defer by.close()
	// Fail before the flood, not in it, if nobody is there.
	if err := by.lines[0].dial(ctx, target); err != nil {
		return hint.Errorf("start it first, such as `go run ./cmd/theriac demo`", "flooding %s: %w", target, plain(err))
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	shopping, err := f.customers.start(ctx)
	if err != nil {
		return err
	}
	cpu, err := cpuTime(os.Getpid())
	if err != nil {
		return err
	}
	seen := f.send(ctx, by)
	interrupted := ctx.Err()
	after, err := cpuTime(os.Getpid())
	if err != nil {
		return err
	}
	reportFlood(stdout, seen, f.from, after-cpu)
	found, err := shopping.end()
	if err != nil {
		return err
	}
	found.report(stdout)
	if interrupted != nil {
		return fmt.Errorf("flooding %s: interrupted", target)
	}
	return found.verdict(f.customers.p99)
}

// send floods until the time is over and sums up the answers. One source has
// one request under way at the most, so a target that is slow makes the flood
// slower, as it does with real clients that wait.
func (f *flood) send(ctx context.Context, by *sources) *vegeta.Metrics {
	ld := load{by: by, targets: f.targets(by), rate: f.rate, workers: f.from}
	m := new(vegeta.Metrics)
	ld.send(ctx, f.lasts, func(r *vegeta.Result) {
		if r.Code != 0 {
			r.Error = "" // 429 is an answer
		}
		m.Add(r)
	})
	m.Close()
	return m
}

// targets are the flood's requests, sent in turn: each page, with each cookie.
func (f *flood) targets(by *sources) (all []vegeta.Target) {
	cookies := f.cookies
	if len(cookies) == 0 {
		cookies = []string{""}
	}
	for _, cookie := range cookies {
		for _, path := range f.paths {
			t := get(by, f.host, path)
			t.Header.Set("User-Agent", f.agent)
			if cookie != "" {
				t.Header.Set("Cookie", cookie)
			}
			all = append(all, t)
		}
	}
	return all
}
