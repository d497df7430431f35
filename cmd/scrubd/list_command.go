//go:build linux

package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/daemon"
)

func denyCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "Lists the denied prefixes, with owner, author, reason and end", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "GET", "/deny", nil, printListed) },
	}
	add := changeCommand("POST", "/deny", "add", "Drops everything from an address or prefix, for a time", "added to the deny list")
	add.Example = "  scrubd deny add 203.0.113.7 --for 1h --why 'floods the search, ticket 4711'"
	add.Flags().String("for", "1h", "how long: 1s to 720h")
	add.Flags().String("why", "", "reason, shown to other operators")
	remove := changeCommand("DELETE", "/deny", "remove", "Removes an address or prefix from the deny list", "removed from the deny list")
	remove.Flags().String("why", "", "reason, for the audit trail")
	return listCommand("deny", "Lists and changes the deny list: sources that are always dropped", list, add, remove)
}

func allowCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "Lists the allowed prefixes, with owner, author, reason and end", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return ask(cmd, "GET", "/allow", nil, printListed) },
	}
	add := changeCommand("POST", "/allow", "add", "Passes everything from an address or prefix, for a time, or until it is removed or the host reboots", "added to the allow list")
	add.Flags().String("for", "", "how long, over reboots: 1s to 720h (default: until the host reboots)")
	add.Flags().String("why", "", "reason, shown to other operators")
	remove := changeCommand("DELETE", "/allow", "remove", "Removes an address or prefix from the allow list", "removed from the allow list")
	remove.Flags().String("why", "", "reason, for the audit trail")
	return listCommand("allow", "Lists and changes the allow list: sources that always pass", list, add, remove)
}

// listCommand groups the commands of one list. Before 1.0 its name alone was the
// command that adds to it.
func listCommand(name, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true}, // those of `add`
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return nil
			case strings.ContainsAny(args[0], ".:"):
				return fmt.Errorf("`scrubd %s %s` is called `scrubd %[1]s add %[2]s` now", name, args[0])
			}
			return fmt.Errorf("unknown command %q for \"scrubd %s\": want list, add or remove", args[0], name)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(subs...)
	return cmd
}

// changeCommand adds a prefix to a list, or removes it.
func changeCommand(method, uri, name, short, did string) *cobra.Command {
	return &cobra.Command{
		Use: name + " <address or prefix>", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := parsePrefix(args[0])
			if err != nil {
				return usageError{err}
			}
			change := daemon.Change{Prefix: p, For: flag(cmd, "for"), Why: flag(cmd, "why")}
			return ask(cmd, method, uri, change, func(out io.Writer, c daemon.Changed) { printChanged(out, did, c) })
		},
	}
}

// parsePrefix reads a prefix or an address. An IPv6 address stands for its /64, the
// least that a subscriber has.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := scrub.ParsePrefix(text)
	if addr, bad := netip.ParseAddr(text); bad == nil && addr.Unmap().Is6() {
		return addr.WithZone("").Prefix(64)
	}
	return p, err
}

// renamedCommands are the names of before 1.0. Each fails and names the new one.
func renamedCommands() (all []*cobra.Command) {
	for old, now := range map[string]string{
		"lift": "deny remove", "denied": "deny list", "disallow": "allow remove", "allowed": "allow list",
	} {
		all = append(all, &cobra.Command{
			Use: old, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return usageError{fmt.Errorf("`scrubd %s` is called `scrubd %s` now", old, now)}
			},
		})
	}
	return all
}
