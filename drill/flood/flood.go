package flood

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/hint"
)

// A Flood is many clients that request pages of one shop, while customers buy at
// a shop. Errors about its fields name the flags of `drill flood`.
type Flood struct {
	Target  string   // base URL
	Host    string   // default: that of Target
	Paths   []string // requested in turn
	Agent   string   // User-Agent
	Cookies []string // name=value, each request carries one; default: none
	Rate    int      // requests per second
	From    int      // number of source addresses
	Lasts   time.Duration

	Customers Customers
}

// check validates the flood, and fills in the defaults.
func (f *Flood) check() (target netip.AddrPort, err error) {
	u, target, err := load.Loopback("target", f.Target)
	if err != nil {
		return target, err
	}
	if f.Host == "" {
		f.Host = u.Host
	}
	for _, p := range f.Paths {
		if !strings.HasPrefix(p, "/") {
			return target, hint.Errorf("/search?q=tee", "reading --path %q: it does not begin with a slash", p)
		}
	}
	for _, c := range f.Cookies {
		if _, err := http.ParseCookie(c); err != nil {
			return target, hint.Errorf("what `drill pass` prints", "reading --cookie %q: want name=value", c)
		}
	}
	for _, limit := range []struct {
		flag      string
		got, most float64
		try       string
	}{
		{"rate", float64(f.Rate), load.MaxRate, "--rate 8000"},
		{"from", float64(f.From), load.MaxClients, "--from 1000"},
		{"for", f.Lasts.Seconds(), load.MaxDuration.Seconds(), "--for 60s"},
		{"shoppers", float64(f.Customers.Shoppers), load.MaxShoppers, "--shoppers 8"},
	} {
		if limit.got <= 0 || limit.got > limit.most {
			return target, hint.Errorf(limit.try, "reading --%s: %g is out of range: want 1 to %g", limit.flag, limit.got, limit.most)
		}
	}
	if !target.Addr().Is4() && f.From > 1 {
		return target, hint.Errorf("--target http://127.0.0.1:…, or --from 1", "flooding %s from %d addresses: ::1 is the only IPv6 loopback address", target, f.From)
	}
	return target, f.Customers.check()
}

// Run floods until the time is over or ctx is done, and reports what the flood
// and the customers saw. It is an error if customers noticed the flood.
func (f *Flood) Run(ctx context.Context, stdout io.Writer) error {
	target, err := f.check()
	if err != nil {
		return err
	}
	// Each client's and each shopper's connection is a file, and a new one may be
	// opened while the old one is closing.
	if err := load.AllowFiles(uint64(f.From + 8*f.Customers.Shoppers + 256)); err != nil {
		return err
	}
	by := load.NewClients(target, load.FloodAddrs(f.From), nil)
	defer by.Close()
	// Without a server, fail before the flood and not in it.
	if err := by.Probe(ctx); err != nil {
		return hint.Errorf("start it first, such as `go run ./cmd/theriac demo`", "flooding %s: %w", target, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	shopping, err := f.Customers.start(ctx)
	if err != nil {
		return err
	}
	cpu, err := load.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	seen := f.send(ctx, by)
	interrupted := ctx.Err()
	after, err := load.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	reportFlood(stdout, seen, f.From, after-cpu)
	found, err := shopping.end()
	if err != nil {
		return err
	}
	found.report(stdout)
	if interrupted != nil {
		return fmt.Errorf("flooding %s: interrupted", target)
	}
	return found.noticed(f.Customers.P99)
}

// send floods until the time is over and sums up the answers. Each client has at
// most one request in flight, so a slow target slows the flood down, as it does
// with real clients that wait.
func (f *Flood) send(ctx context.Context, by *load.Clients) *vegeta.Metrics {
	ld := load.Load{Clients: by, Targets: f.targets(by), Rate: f.Rate, Workers: f.From}
	m := new(vegeta.Metrics)
	ld.Send(ctx, f.Lasts, func(r *vegeta.Result) {
		if r.Code != 0 {
			r.Error = "" // 429 is an answer
		}
		m.Add(r)
	})
	m.Close()
	return m
}

// targets are the flood's requests, sent in turn: each page, with each cookie.
func (f *Flood) targets(by *load.Clients) (all []vegeta.Target) {
	cookies := f.Cookies
	if len(cookies) == 0 {
		cookies = []string{""}
	}
	for _, cookie := range cookies {
		for _, path := range f.Paths {
			t := load.Get(by, f.Host, path)
			t.Header.Set("User-Agent", f.Agent)
			if cookie != "" {
				t.Header.Set("Cookie", cookie)
			}
			all = append(all, t)
		}
	}
	return all
}
