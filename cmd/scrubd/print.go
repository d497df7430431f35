//go:build linux

package main

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/theriac-edge/theriac/scrub"
)

func table(out io.Writer, head string) *tabwriter.Writer {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, head)
	return t
}

// rated is a rate with as many digits as manual want.
func rated(perSecond float64) string {
	if perSecond > 0 && perSecond < 10 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return humanize.Comma(int64(perSecond))
}

// bits is a rate of bytes as line speeds are written.
func bits(bytesPerSecond float64) string {
	return strings.ReplaceAll(humanize.SIWithDigits(8*bytesPerSecond, 1, "bit/s"), "  ", " ")
}

func printStatus(out io.Writer, r report) {
	fmt.Fprintf(out, "scrubd    %s, since %s, boot %s\n", r.Version, r.Since.Local().Format(time.DateTime), r.Boot)
	fmt.Fprintf(out, "policy    %s, in force since %s\n", r.Policy.Path, r.Policy.Since.Local().Format(time.DateTime))
	if r.Policy.Refused != "" {
		fmt.Fprintf(out, "          the newest file was REFUSED: %s\n", r.Policy.Refused)
	}
	for i, a := range r.Attached {
		label := "attached"
		if i > 0 {
			label = ""
		}
		says := modeOf(a.Attachment)
		if !a.Native {
			says += ", at several times the cost: the driver cannot run the program"
		}
		if a.Gone {
			says = "GONE: it was taken off, or the interface is gone; restart scrubd"
		}
		fmt.Fprintf(out, "%-9s %s %s\n", label, a.Interface, says)
	}
	rights := "none left"
	if r.Privileges.Capabilities != "" {
		rights = r.Privileges.Capabilities
	}
	fmt.Fprintf(out, "rights    %s; user %s\n", rights, r.Privileges.User)
	for _, s := range r.Sysctls {
		if !s.ok() {
			fmt.Fprintf(out, "sysctl    %s is %s, not %s: %s\n", s.name(), s.Is, s.Want, s.Why)
		}
	}
	for _, w := range r.Tunnels {
		says := "the way is known"
		if w.Lost != "" {
			says = "NO WAY: " + w.Lost
		}
		fmt.Fprintf(out, "tunnel    %s to %s: %s\n", w.From, w.To, says)
	}
	fmt.Fprintf(out, "denied    %d by edges, %d by manual, %d by the policy file; allowed %d\n",
		r.Denied["edges"], r.Denied["manual"], r.Denied["file"], r.Allowed)
	for _, e := range r.Edges {
		fmt.Fprintf(out, "edge      %s (%s): %d bans, heard of %s\n", e.Name, e.User, e.Claims, humanize.Time(e.Asked))
	}
	fmt.Fprintln(out)
	t := table(out, "POLICY\tVERDICT\tREASON\tPACKETS/S\tBITS/S\tWOULD DROP/S\tPACKETS")
	slices.SortStableFunc(r.Flows, func(a, b flow) int { return strings.Compare(a.Policy, b.Policy) })
	for _, f := range r.Flows {
		watched := ""
		if f.Watched > 0 {
			watched = rated(f.WatchedPerSecond)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Policy, f.Verdict, f.Reason, rated(f.PacketsPerSecond), bits(f.BytesPerSecond), watched,
			humanize.Comma(int64(f.Packets)))
	}
	t.Flush()
}

func printTop(out io.Writer, all talkers) {
	fmt.Fprintf(out, "estimates of the last %.0f s; a sample stands for %s packets\n", all.Seconds, humanize.Comma(int64(all.OneOf)))
	t := table(out, strings.ToUpper(all.By)+"\tPACKETS/S\tBITS/S\tSAMPLES\tVERDICT\tREASON\tPOLICY\tMOSTLY TO")
	for _, one := range all.Talkers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", one.Name, rated(one.Packets), bits(one.Bytes), one.Samples, one.Verdict, one.Reason, one.Policy, one.Dest)
	}
	t.Flush()
}

func printSample(out io.Writer, s scrub.Sample) {
	verdict := s.Reason.Action().String()
	reason := s.Reason.String()
	if s.Watched != nil {
		verdict, reason = "would drop", s.Watched.String()
	}
	fmt.Fprintf(out, "%s  %-10s %-13s %-12s %s > %s %d bytes%s\n", s.Time.Local().Format("15:04:05.000"), verdict, reason, s.Policy,
		source(s), destination(s), s.Length, tcpFlags(s))
}

func source(s scrub.Sample) string {
	if s.SrcPort == 0 {
		return s.Source.String()
	}
	return netip.AddrPortFrom(s.Source, s.SrcPort).String()
}

// tcpFlags names the flags that a segment carries.
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

func printListed(out io.Writer, all []listed) {
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

func printDone(out io.Writer, did string, d done) {
	fmt.Fprintf(out, "%s is %s", d.Prefix, did)
	if !d.Until.IsZero() {
		fmt.Fprintf(out, " until %s", d.Until.Local().Format(time.DateTime))
	}
	fmt.Fprintln(out)
	if d.Notice != "" {
		fmt.Fprintln(out, d.Notice)
	}
}
