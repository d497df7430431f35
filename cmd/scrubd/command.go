//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrub"
)

func runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run", Short: "Loads the dataplane and keeps it until told to end; the dataplane goes on after that", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			d, s, err := start(linuxKernel, flag(cmd, "config"), log)
			if err != nil {
				return err
			}
			return d.run(cmd.Context(), s)
		},
	}
	return withConfig(cmd)
}

// withConfig gives a command the path of the policy file.
func withConfig(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("config", defaultConfig, "the policy file")
	return cmd
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Says how scrubd is and what it drops", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd, "GET", "/status", nil, printStatus)
		},
	}
}

func topCommand() *cobra.Command {
	var by string
	var lines int
	var once, dropped bool
	cmd := &cobra.Command{
		Use: "top", Short: "Shows who sends most, as samples tell", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"by": {by}, "n": {strconv.Itoa(lines)}}
			if dropped {
				q.Set("dropped", "")
			}
			for {
				if !once && !asJSON(cmd) {
					fmt.Fprint(cmd.OutOrStdout(), "\x1b[H\x1b[2J") // an empty screen
				}
				if err := ask(cmd, "GET", "/top?"+q.Encode(), nil, printTop); err != nil || once {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(2 * time.Second):
				}
			}
		},
	}
	cmd.Flags().StringVar(&by, "by", "source", "what to sum up by: "+topWays)
	cmd.Flags().IntVarP(&lines, "lines", "n", 20, "how many lines")
	cmd.Flags().BoolVar(&once, "once", false, "print once and end, instead of every 2 s")
	cmd.Flags().BoolVar(&dropped, "dropped", false, "leave out what passes")
	return cmd
}

func watchCommand() *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use: "watch", Short: "Shows samples of packets as they come", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{}
			for _, name := range []string{"reason", "policy"} {
				if value := flag(cmd, name); value != "" {
					q.Set(name, value)
				}
			}
			if flag(cmd, "dropped") == "true" {
				q.Set("dropped", "")
			}
			response, err := call(cmd.Context(), flag(cmd, "socket"), "GET", "/samples?"+q.Encode(), nil)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			lines := json.NewDecoder(response.Body)
			for n := 0; count == 0 || n < count; n++ {
				var raw json.RawMessage
				err := lines.Decode(&raw)
				switch {
				case cmd.Context().Err() != nil:
					return nil
				case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
					return silent{errors.New("watching: scrubd has ended"), errUnreachable}
				case err != nil:
					return fmt.Errorf("reading the samples: %w", err)
				}
				if err := show(cmd, append(raw, '\n'), printSample); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().String("reason", "", "only packets that left, or would have left, for this reason")
	cmd.Flags().String("policy", "", "only packets to what this policy protects")
	cmd.Flags().Bool("dropped", false, "leave out what passes")
	cmd.Flags().IntVarP(&count, "count", "n", 0, "end after so many; 0: never")
	return cmd
}

func deniedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "denied", Short: "Lists who is denied, by whom, why and until when", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "GET", "/denied", nil, printListed) },
	}
}

func allowedCommand() *cobra.Command {
	return &cobra.Command{
		Use: "allowed", Short: "Lists who is allowed whatever happens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "GET", "/allowed", nil, printListed) },
	}
}

// orderCommand is a command about one prefix.
func orderCommand(name, short, did string) *cobra.Command {
	return &cobra.Command{
		Use: name + " <address or prefix>", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := prefixFrom(args[0])
			if err != nil {
				return misuse{err}
			}
			o := order{Prefix: p, For: flag(cmd, "for"), Why: flag(cmd, "why")}
			return ask(cmd, "POST", "/"+name, o, func(out io.Writer, d done) { printDone(out, did, d) })
		},
	}
}

// prefixFrom reads a prefix, or an address: of IPv6 that is its /64, as nobody
// has less.
func prefixFrom(text string) (netip.Prefix, error) {
	p, err := scrub.ParsePrefix(text)
	if addr, bad := netip.ParseAddr(text); bad == nil && addr.Unmap().Is6() {
		return addr.WithZone("").Prefix(64)
	}
	return p, err
}

func denyCommand() *cobra.Command {
	cmd := orderCommand("deny", "Drops everything from an address or a prefix, for some time", "denied")
	cmd.Example = "  scrubd deny 203.0.113.7 --for 1h --why 'floods the search, ticket 4711'"
	cmd.Flags().String("for", "1h", "how long")
	cmd.Flags().String("why", "", "why, for colleagues")
	return cmd
}

func liftCommand() *cobra.Command {
	return orderCommand("lift", "Takes an address or a prefix off the deny list", "lifted")
}

func allowCommand() *cobra.Command {
	cmd := orderCommand("allow", "Passes everything from an address or a prefix, until disallowed or the host's next boot", "allowed")
	cmd.Flags().String("why", "", "why, for colleagues")
	return cmd
}

func disallowCommand() *cobra.Command {
	return orderCommand("disallow", "Takes an address or a prefix off the allow list", "disallowed")
}
