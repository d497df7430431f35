package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/caddyfiles"
	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "demo",
		Usage: "[--listen <address>] [--page-cost <duration>] [--level <level>]",
		Short: "Runs two demo shops with the edge in front of them",
		Long: `
Starts two small pharmacy shops and an edge in front of them, with the preset of
real shops and counters in this process. Nothing else is needed. It prints what to
try, and then once per second the level, requests and refusals of each shop. The
edge raises a level by itself when it sees an attack. Ctrl-C stops the demo.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Flags().String("listen", "127.0.0.1:8080", "address that the edge listens on")
			cmd.Flags().Duration("page-cost", 2*time.Millisecond, "CPU time that a shop uses for each page")
			cmd.Flags().String("level", "0", "level that both shops are kept at, 1 to 4; from 2 on, visitors are challenged; 0: the edge decides")
			cmd.Args = cobra.NoArgs
			cmd.RunE = runDemo
		},
	})
}

func runDemo(cmd *cobra.Command, _ []string) error {
	cmd.SilenceUsage = true
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listen, err := cmd.Flags().GetString("listen")
	if err != nil {
		return err
	}
	cost, err := cmd.Flags().GetDuration("page-cost")
	if err != nil {
		return err
	}
	text, err := cmd.Flags().GetString("level")
	if err != nil {
		return err
	}
	level, err := shop.ParseLevel(text)
	if err != nil {
		return fmt.Errorf("demo: invalid --level: %w", err)
	}
	d := demo{listen: listen, cost: cost, level: level, out: cmd.OutOrStdout()}
	if err := d.run(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// demo is two shops and an edge in one process.
type demo struct {
	listen string
	cost   time.Duration
	level  shop.Level
	out    io.Writer
}

// demoMemory is the memory limit of the demo; with a limit the app tunes the garbage
// collector as it does on an edge.
const demoMemory = 1 << 30

// defaultAdmin is the admin address that `theriac shield status` uses by default.
const defaultAdmin = "127.0.0.1:2019"

func (d demo) run(ctx context.Context) error {
	host, port, err := net.SplitHostPort(d.listen)
	if err != nil {
		return fmt.Errorf("invalid --listen %q: want an address with a port, such as 127.0.0.1:8080", d.listen)
	}
	if err := free(d.listen); err != nil {
		return fmt.Errorf("listening on %s: %w\n  try: theriac demo --listen 127.0.0.1:8081", d.listen, err)
	}
	vars := map[string]string{"HOST": host, "PORT": port, "ADMIN": "off"}
	if free(defaultAdmin) == nil {
		vars["ADMIN"] = defaultAdmin
	}
	for _, config := range []demoshop.Config{demoshop.Loewen(), demoshop.Sonnen()} {
		config.PageCost, config.Concurrency, config.Queue, config.Patience = d.cost, 1, 64, 5*time.Second
		address, stop, err := openShop(config)
		if err != nil {
			return err
		}
		defer stop()
		vars[strings.ToUpper(config.Slug)] = address
	}
	debug.SetMemoryLimit(demoMemory)
	if err := startEdge(vars); err != nil {
		return err
	}
	if err := d.setLevels(ctx); err != nil {
		return err
	}
	d.greet(port, vars)
	d.watch(ctx)
	fmt.Fprintln(d.out, "stopping")
	return caddy.Stop()
}

// free returns why an address cannot be listened on, or nil.
func free(address string) error {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return errors.New("the port is in use by another program")
	}
	if err != nil {
		return err
	}
	return listener.Close()
}

// startEdge loads the shipped demo configuration with the demo's own
// addresses.
func startEdge(vars map[string]string) error {
	for name, value := range vars {
		if err := os.Setenv("THERIAC_DEMO_"+name, value); err != nil {
			return fmt.Errorf("setting the demo's addresses: %w", err)
		}
	}
	caddyfile, err := caddyfiles.Files.ReadFile("demo.Caddyfile")
	if err != nil {
		return fmt.Errorf("reading the demo's configuration: %w", err)
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(caddyfile, map[string]any{"filename": "demo.Caddyfile"})
	if err != nil {
		return fmt.Errorf("adapting the demo's configuration: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting the edge: %w", err)
	}
	return nil
}

// setLevels sets the level of both shops, unless it is to be left at 0.
func (d demo) setLevels(ctx context.Context) error {
	if d.level == shop.Calm {
		return nil
	}
	found, err := caddy.ActiveContext().AppIfConfigured("shield")
	if err != nil {
		return fmt.Errorf("finding the shield: %w", err)
	}
	app := found.(*shield.App)
	for _, s := range app.Shops() {
		if err := app.Pin(ctx, s.ID, levels.Pin{Level: d.level}, shield.LongestPin); err != nil {
			return fmt.Errorf("setting the level of %s: %w", s.ID, err)
		}
	}
	return nil
}

func (d demo) greet(port string, vars map[string]string) {
	fmt.Fprintf(d.out, `Two pharmacies behind one edge. A client may make about 20 requests per second,
with a burst of 480. When the edge sees an attack, it raises the level of that shop
within a second or two. Each loopback address counts as a client of its own.

  http://loewen.localhost:%[1]s/   the shop itself: http://%[2]s/   what reached it: http://%[2]s/_truth
  http://sonnen.localhost:%[1]s/   the shop itself: http://%[3]s/   what reached it: http://%[3]s/_truth

Play one impatient client, and see it refused with 429 and the shop at level 1:
  curl -s -o /dev/null -w '%%{http_code}\n' 'http://loewen.localhost:%[1]s/?[1-600]' | sort | uniq -c

Flood one shop from 1,000 addresses while customers buy at the other, and see it at
level 2 or above, at which unknown visitors are challenged:
  go run ./cmd/drill flood --target http://%[4]s --host loewen.localhost --rate 8000 --from 1000 --for 30s \
    --customers http://%[4]s --customers-host sonnen.localhost --truth http://%[3]s/_truth

See a whole attack, with and without edges, on shops of its own:
  go run ./cmd/drill run gladius-2016

`, port, vars["LOEWEN"], vars["SONNEN"], d.listen)
	if vars["ADMIN"] == defaultAdmin {
		fmt.Fprint(d.out, "Ask the edge:               go run ./cmd/theriac shield status | shops | watch loewen\n"+
			"Set a level yourself:       go run ./cmd/theriac shield level loewen 2\n"+
			"Leave it to the edge again: go run ./cmd/theriac shield level loewen auto\n\n")
	}
	fmt.Fprintln(d.out, "Levels, requests and refusals per second; Ctrl-C stops the demo.")
}

// watch prints a line per second until the demo ends.
func (d demo) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	type seen struct{ requests, refused int64 }
	before := make(map[string]seen)
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			found, err := caddy.ActiveContext().AppIfConfigured("shield")
			if err != nil {
				continue // between two configurations
			}
			fmt.Fprint(d.out, now.Format(time.TimeOnly))
			for _, s := range found.(*shield.App).Shops() {
				is := seen{s.Tally.Requests(), s.Tally.Refused()}
				was := before[string(s.ID)]
				before[string(s.ID)] = is
				fmt.Fprintf(d.out, "   %s level %d %6d requests %6d refused", s.ID, s.Level().Level, is.requests-was.requests, is.refused-was.refused)
			}
			fmt.Fprintln(d.out)
		}
	}
}
