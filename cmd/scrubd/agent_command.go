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
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/agent"
	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

func agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "agent", Short: "Terminates the edges' GRE tunnels in a data centre", Args: cobra.NoArgs,
		Long: `
The far end of a policy's tunnels, on a host of the data centre: decapsulates what the
scrubber forwards, so that packets arrive with their original source. A router with
GRE can do the same.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	run := &cobra.Command{
		Use: "run", Short: "Starts the agent and runs it in the foreground; its programs go on after it ends", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := daemon.StartAgent(flag(cmd, "config"), slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			return a.Run(cmd.Context())
		},
	}
	check := &cobra.Command{
		Use: "check", Short: "Checks whether this host can run the agent, and says what to try where it cannot", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showFindings(cmd, hostcheck.Agent(flag(cmd, "config")))
		},
	}
	status := &cobra.Command{
		Use: "status", Short: "Shows what is attached and what arrived through tunnels; works without a running agent, as root only", Args: cobra.NoArgs,
		RunE: agentStatus,
	}
	unload := &cobra.Command{
		Use: "unload", Short: "Detaches the agent from all interfaces: nothing arrives through tunnels afterwards", Args: cobra.NoArgs,
		RunE: unloadAgent,
	}
	for _, c := range []*cobra.Command{run, check, withPins(status), withPins(unload)} {
		c.Flags().String("config", policyfile.DefaultAgentPath, "the agent's policy file")
	}
	cmd.AddCommand(run, check, status, unload)
	return cmd
}

func agentStatus(cmd *cobra.Command, _ []string) error {
	pins, err := pinsOf(cmd, policyfile.AgentPins)
	if err != nil {
		return err
	}
	s, err := agent.ReadState(pins)
	switch {
	case errors.Is(err, os.ErrPermission):
		return hint.Errorf("sudo scrubd agent status", "reading the state of the agent: %w", err)
	case errors.Is(err, agent.ErrNotRunning):
		return marked{hint.New(err, "systemctl start scrubd-agent, or --pins if it has another directory"), errUnreachable}
	case err != nil:
		return err
	}
	state := agentState{State: s}
	if f, err := policyfile.ReadAgent(flag(cmd, "config")); err == nil {
		state.Sysctls = hostcheck.Sysctls(f.Config.Settings(), policyfile.CheckSysctls)
		state.Without = append(without(f.Interfaces, s.Interfaces), without(f.Clamped(), s.Egress)...)
	} else if !errors.Is(err, os.ErrNotExist) {
		state.Policy = err.Error()
	}
	raw, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return show(cmd, append(raw, '\n'), printAgent)
}

// agentState is the state of an agent beside what its policy file asks for.
type agentState struct {
	agent.State
	Without []string           `json:"without,omitempty"` // interfaces of the policy file that no program is attached to
	Sysctls []hostcheck.Sysctl `json:"sysctls,omitempty"`
	Policy  string             `json:"policy,omitempty"` // what is wrong with the policy file
}

// without are the names in wanted that are not in attached.
func without(wanted, attached []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return slices.Contains(attached, name) })
}

func printAgent(out io.Writer, s agentState) {
	for _, name := range s.Without {
		fmt.Fprintf(out, "%s NOT ATTACHED: the agent attaches to it when there is such an interface; try: ip link; systemctl status scrubd-agent\n", name)
	}
	if s.Policy != "" {
		fmt.Fprintf(out, "policy    the newest file would be REJECTED: %s\n", s.Policy)
	}
	printSysctls(out, s.Sysctls)
	fmt.Fprintf(out, "tunnels   from %s to %s, in on %s\n", list(s.Peers), list(s.Local), orDetached(s.Interfaces))
	fmt.Fprintf(out, "protects  %s\n", list(s.Protect))
	if s.MSS4 == 0 {
		fmt.Fprintln(out, "clamps    none")
	} else {
		fmt.Fprintf(out, "clamps    the MSS of answers to %d (IPv4) and %d (IPv6) bytes, out on %s\n", s.MSS4, s.MSS6, orDetached(s.Egress))
	}
	fmt.Fprintln(out)
	t := table(out, "ACTION\tREASON\tPACKETS\tBYTES")
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

func orDetached(interfaces []string) string {
	if len(interfaces) == 0 {
		return "NO INTERFACE: they are missing, or the agent was detached; try: ip link; systemctl restart scrubd-agent"
	}
	return strings.Join(interfaces, ", ")
}

func unloadAgent(cmd *cobra.Command, _ []string) error {
	u, err := unload(cmd, policyfile.AgentPins)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return show(cmd, append(raw, '\n'), func(out io.Writer, u unloaded) {
		if len(u.From) == 0 {
			fmt.Fprintf(out, "nothing that is pinned in %s was attached\n", u.Pins)
			return
		}
		fmt.Fprintf(out, "detached from %s: nothing arrives through tunnels any more\n", strings.Join(u.From, ", "))
	})
}
