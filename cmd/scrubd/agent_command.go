//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrub/pinset"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/scrub"
)

func agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "Ends the tunnels of edges, at a data centre", Args: cobra.NoArgs,
		Long: `
The other end of the tunnels of a policy, on a host of the data centre: what comes
out of one has its true sender again. Without an agent a router with GRE can do the
same.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	run := &cobra.Command{
		Use: "run", Short: "Loads the agent and keeps it until told to end; what it attached goes on after that", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := startAgent(flag(cmd, "config"), slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	check := &cobra.Command{
		Use: "check", Short: "Examines whether this host can run the agent, and says what to try where it cannot", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return tellFindings(cmd, examineAgentHost(flag(cmd, "config")))
		},
	}
	for _, c := range []*cobra.Command{run, check} {
		c.Flags().String("config", defaultAgentConfig, "the agent's policy file")
	}
	status := &cobra.Command{
		Use: "status", Short: "Says what is attached and what came out of tunnels; it works without a running agent, and as root only", Args: cobra.NoArgs,
		RunE: agentStatus,
	}
	unload := &cobra.Command{
		Use: "unload", Short: "Takes the agent off all interfaces: nothing comes out of tunnels any more", Args: cobra.NoArgs,
		RunE: unloadAgent,
	}
	for _, c := range []*cobra.Command{status, unload} {
		c.Flags().String("pins", agent.DefaultPins, "the folder that keeps what is loaded")
	}
	cmd.AddCommand(run, check, status, unload)
	return cmd
}

func agentStatus(cmd *cobra.Command, _ []string) error {
	s, err := agent.ReadState(flag(cmd, "pins"))
	switch {
	case errors.Is(err, os.ErrPermission):
		return hint.Errorf("sudo scrubd agent status", "looking into the agent: %w", err)
	case errors.Is(err, agent.ErrNotRunning):
		return silent{hint.New(err, "systemctl start scrubd-agent, or --pins if it keeps them elsewhere"), errUnreachable}
	case err != nil:
		return err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return show(cmd, append(raw, '\n'), printAgent)
}

func printAgent(out io.Writer, s agent.State) {
	fmt.Fprintf(out, "tunnels   from %s to %s, in by %s\n", list(s.Peers), list(s.Local), orNowhere(s.Interfaces))
	fmt.Fprintf(out, "protects  %s\n", list(s.Protect))
	if s.MSS4 == 0 {
		fmt.Fprintln(out, "clamps    nothing")
	} else {
		fmt.Fprintf(out, "clamps    answers to segments of %d (IPv4) and %d (IPv6) bytes, out by %s\n", s.MSS4, s.MSS6, orNowhere(s.Egress))
	}
	fmt.Fprintln(out)
	t := table(out, "VERDICT\tREASON\tPACKETS\tBYTES")
	for _, tally := range s.Tallies {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", tally.Reason.Action(), tally.Reason, humanize.Comma(int64(tally.Packets)), humanize.Bytes(tally.Bytes))
	}
	t.Flush()
}

func list(prefixes []netip.Prefix) string {
	var all []string
	for _, p := range prefixes {
		if p.IsSingleIP() {
			all = append(all, p.Addr().String())
		} else {
			all = append(all, p.String())
		}
	}
	return strings.Join(all, ", ")
}

func orNowhere(interfaces []string) string {
	if len(interfaces) == 0 {
		return "NOWHERE: it was taken off, or the interfaces are gone; restart the agent"
	}
	return strings.Join(interfaces, ", ")
}

func unloadAgent(cmd *cobra.Command, _ []string) error {
	pins := flag(cmd, "pins")
	on, err := scrub.Running(pins)
	if err == nil {
		err = pinset.Unload(pins)
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return hint.Errorf("sudo scrubd agent unload", "unloading: %w", err)
	case err != nil:
		return err
	}
	raw, err := json.Marshal(unloaded{From: on})
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return show(cmd, append(raw, '\n'), func(out io.Writer, u unloaded) {
		if len(u.From) == 0 {
			fmt.Fprintln(out, "nothing was attached")
			return
		}
		fmt.Fprintf(out, "taken off %s: nothing comes out of tunnels any more\n", strings.Join(u.From, ", "))
	})
}

// examineAgentHost goes through all that an agent needs.
func examineAgentHost(path string) (all []finding) {
	f, unreadable := readAgentFile(path)
	pins := agent.DefaultPins
	if unreadable == nil {
		pins = f.Daemon.Pins
	}
	release := kernelRelease()
	all = append(all, found("kernel", release, "a kernel of 6.6 or later, or no_clamp and a router that clamps", kernelClamps(release, f)))
	all = append(all, found("privileges", "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN", "sudo scrubd agent check", mayLoad()))
	for _, need := range agent.Features() {
		all = append(all, found(need.What, need.Is, need.Try, need.Missing))
	}
	all = append(all, found("policy file", path, "correct it, or --config", unreadable), examineBPFFS(pins))
	if f == nil {
		return all
	}
	for _, s := range examine(procSys, f.Config.Settings(), checkSysctls) {
		all = append(all, examineSysctl(s, f.Daemon.Sysctls == setSysctls))
	}
	for _, name := range f.Interfaces {
		all = append(all, examineInterface(name))
	}
	if f.Daemon.User != "" {
		_, err := userOf(f.Daemon.User)
		all = append(all, found("user", f.Daemon.User, "", err))
	}
	return all
}

// kernelClamps refuses kernels before 6.6, the first with links for what leaves,
// where the agent is to clamp.
func kernelClamps(release string, f *agentFile) error {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("%s is no number of a kernel", release)
	}
	if f != nil && !f.NoClamp && (major < 6 || major == 6 && minor < 6) {
		return fmt.Errorf("%s is before 6.6, the first that lets programs look at what leaves by links", release)
	}
	return kernelFits(release)
}
