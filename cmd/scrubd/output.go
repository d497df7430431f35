//go:build linux

package main

import (
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/scrubd/denylist"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
)

func table(out io.Writer, head string) *tabwriter.Writer {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, head)
	return t
}

// rate is a rate with as many digits as are useful.
func rate(perSecond float64) string {
	if perSecond > 0 && perSecond < 10 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return humanize.Comma(int64(perSecond))
}

// bits is a rate of bytes as line speeds are written.
func bits(bytesPerSecond float64) string {
	return strings.ReplaceAll(humanize.SIWithDigits(8*bytesPerSecond, 1, "bit/s"), "  ", " ")
}

func printStatus(out io.Writer, s daemon.Status) {
	fmt.Fprintf(out, "scrubd    %s, since %s, instance %s\n", s.Version, s.Since.Local().Format(time.DateTime), s.Instance)
	fmt.Fprintf(out, "policy    %s, in force since %s\n", s.Policy.Path, s.Policy.Since.Local().Format(time.DateTime))
	if s.Policy.Refused != "" {
		fmt.Fprintf(out, "          the newest file was REJECTED: %s\n", s.Policy.Refused)
	}
	for i, a := range s.Attached {
		label := "attached"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(out, "%-9s %s %s\n", label, a.Interface, attachmentState(a))
	}
	capabilities := "none"
	if s.Privileges.Capabilities != "" {
		capabilities = s.Privileges.Capabilities
	}
	fmt.Fprintf(out, "rights    user %s, capabilities: %s\n", s.Privileges.User, capabilities)
	printSysctls(out, s.Sysctls)
	for _, t := range s.Tunnels {
		state := "reachable"
		if t.Unreachable != "" {
			state = "UNREACHABLE: " + t.Unreachable
		}
		fmt.Fprintf(out, "tunnel    %s to %s: %s\n", t.From, t.To, state)
	}
	printHandOn(out, s.HandOn)
	if s.State.Damage != "" {
		fmt.Fprintf(out, "state     DAMAGED at the start: %s; try: scrubd deny list, and add again what is missing\n", s.State.Damage)
	}
	if s.State.Unsaved != "" {
		fmt.Fprintf(out, "state     NOT WRITTEN, so entries of operators end with the next boot: %s; try: df and ls -ld %s\n", s.State.Unsaved, filepath.Dir(s.State.Path))
	}
	fmt.Fprintf(out, "denied    by edges: %d, by operators: %d, by the policy file: %d; allowed: %d\n",
		s.Denied[denylist.Edges], s.Denied[denylist.Manual], s.Denied[denylist.File], s.Allowed)
	for _, e := range s.Edges {
		fmt.Fprintf(out, "edge      %s (%s), bans: %d, last seen %s\n", e.Name, e.User, e.Bans, humanize.Time(e.LastSeen))
	}
	label := "acts"
	for _, act := range s.Acts[:min(3, len(s.Acts))] {
		fmt.Fprintf(out, "%-9s %s %s\n", label, act.At.Local().Format(time.DateTime), act)
		label = ""
	}
	fmt.Fprintln(out)
	t := table(out, "POLICY\tACTION\tREASON\tPACKETS/S\tBITS/S\tWOULD DROP/S\tPACKETS")
	slices.SortStableFunc(s.Rates, func(a, b daemon.TrafficRate) int { return strings.Compare(a.Policy, b.Policy) })
	for _, r := range s.Rates {
		watched := ""
		if r.Watched > 0 {
			watched = rate(r.WatchedPerSecond)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Policy, r.Action, r.Reason, rate(r.PacketsPerSecond), bits(r.BytesPerSecond), watched,
			humanize.Comma(int64(r.Packets)))
	}
	t.Flush()
}

// printSysctls prints those that are wrong.
func printSysctls(out io.Writer, all []hostcheck.Sysctl) {
	for _, c := range all {
		if !c.OK() {
			fmt.Fprintf(out, "sysctl    %s is %s, not %s: %s\n          try: %s\n", c.Key(), c.Is, c.Want, c.Why, c.Try())
		}
	}
}

// attachmentState says in one line what is wrong with an interface, and what helps.
func attachmentState(a daemon.Attachment) string {
	state := daemon.Mode(a.Attachment)
	if !a.Native && a.On() {
		state += ", at several times the cost: " + hostcheck.WhyGeneric(a.Attachment)
	}
	switch {
	case a.Missing:
		return "MISSING: there is no such interface; it is attached as soon as it appears; try: ip link, it may have another name"
	case a.Detached:
		return "DETACHED: another process has removed the program; try: systemctl restart scrubd"
	case a.Refused != "":
		return "NOT ATTACHED, tried again every few seconds: " + a.Refused + "; try: " + a.Try
	case a.Renamed != "":
		return state + ", RENAMED to " + a.Renamed + ": name it so in the policy file before the next restart"
	case a.Unnamed:
		return state + ", NOT IN THE POLICY FILE: it stays attached as another one is missing; was that one renamed?"
	}
	return state
}

func printTop(out io.Writer, all daemon.Top) {
	fmt.Fprintf(out, "estimates over the last %.0f s; each sample stands for %s packets\n", all.Seconds, humanize.Comma(int64(all.OneOf)))
	t := table(out, strings.ToUpper(all.By)+"\tPACKETS/S\tBITS/S\tSAMPLES\tACTION\tREASON\tPOLICY\tMOSTLY TO")
	for _, one := range all.Talkers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", one.Name, rate(one.Packets), bits(one.Bytes), one.Samples, one.Action, one.Reason, one.Policy, one.Dest)
	}
	t.Flush()
}

func printSample(out io.Writer, s scrub.Sample) {
	action := s.Reason.Action().String()
	reason := s.Reason.String()
	if s.Watched != nil {
		action, reason = "would drop", s.Watched.String()
	}
	fmt.Fprintf(out, "%s  %-10s %-18s %-12s %s > %s %d bytes%s\n", s.Time.Local().Format("15:04:05.000"), action, reason, s.Policy,
		source(s), daemon.Destination(s), s.Length, tcpFlags(s))
}

func source(s scrub.Sample) string {
	if s.SrcPort == 0 {
		return s.Source.String()
	}
	return netip.AddrPortFrom(s.Source, s.SrcPort).String()
}

// tcpFlags names the flags of a TCP segment.
func tcpFlags(s scrub.Sample) string {
	if s.Protocol != 6 {
		return ""
	}
	var names []string
	for i, name := range []string{"fin", "syn", "rst", "psh", "ack", "urg"} {
		if s.Flags>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return " " + strings.Join(names, ",")
}

func printListed(out io.Writer, all []denylist.Listed) {
	t := table(out, "PREFIX\tOWNER\tUNTIL\tPACKETS\tBY\tWHY")
	for _, l := range all {
		until := "-"
		if !l.Until.IsZero() {
			until = l.Until.Local().Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Prefix, l.Owner, until, humanize.Comma(int64(l.Packets)), strings.Join(l.By, ", "), l.Why)
	}
	t.Flush()
}

func printChanged(out io.Writer, did string, c daemon.Changed) {
	fmt.Fprintf(out, "%s %s", c.Prefix, did)
	if !c.Until.IsZero() {
		fmt.Fprintf(out, " until %s", c.Until.Local().Format(time.DateTime))
	}
	fmt.Fprintln(out)
	if c.Notice != "" {
		fmt.Fprintln(out, c.Notice)
	}
}

func printFindings(out io.Writer, all []hostcheck.Finding) {
	t := table(out, "WHAT\tOK\tIS")
	for _, f := range all {
		ok := "ok"
		if !f.OK {
			ok = "NO"
		}
		is, _, _ := strings.Cut(f.Is, "\n")
		fmt.Fprintf(t, "%s\t%s\t%s\n", f.What, ok, is)
		if !f.OK && f.Try != "" {
			fmt.Fprintf(t, "\t\ttry: %s\n", f.Try)
		}
	}
	t.Flush()
}
