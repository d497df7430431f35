//go:build linux

package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// Everything that is counted. Labels are names of policies, reasons, owners and
// interfaces, all from the policy file or from closed lists.
var (
	packetsDesc  = desc("packets_total", "Packets by policy and by the reason for what was done with them.", "policy", "reason", "action")
	bytesDesc    = desc("bytes_total", "Bytes of these packets.", "policy", "reason", "action")
	watchedDesc  = desc("watched_total", "Packets that monitor mode passed and mitigate mode would have dropped or answered for this reason.", "policy", "reason")
	deniedDesc   = desc("denied", "Prefixes on the deny list, by owner: the policy file, operators (manual) or edges.", "owner")
	attachedDesc = desc("attached", "1 while the program is attached to the interface, also after it was renamed, in this mode; none: it never was.", "interface", "mode")
	lateDesc     = desc("late_attachments_total", "Tries to attach to an interface that came after the start, or came back.", "outcome")
	lostDesc     = desc("samples_lost_total", "Samples dropped because a watcher did not keep up.")
	pushedDesc   = desc("pushed_bans_total", "Bans pushed by edges: set, lifted, and of both those that were refused.", "outcome")
	reloadDesc   = desc("policy_reloads_total", "Reloads of the policy file.", "outcome")
	tunnelDesc   = desc("tunnel_up", "1 while the host knows the next hop towards the far end of the tunnel.", "to")
	windowDesc   = desc("hand_on_window_seconds", "Seconds for which segments of no connection here go on to the next edge; 0: no window is open.")
	sysctlDesc   = desc("sysctl_ok", "1 while the sysctl has the required value.", "sysctl")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("theriac_scrub_"+name, help, labels, nil)
}

// collector reads the daemon's figures at each scrape.
type collector struct{ d *Daemon }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		packetsDesc, bytesDesc, watchedDesc, deniedDesc, attachedDesc, lateDesc, lostDesc, pushedDesc, reloadDesc, tunnelDesc, windowDesc, sysctlDesc,
	} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	tallies, err := c.d.plane.Tallies()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(packetsDesc, err)
	}
	for _, t := range tallies {
		counter(packetsDesc, t.Packets, t.Policy, t.Reason.String(), t.Reason.Action().String())
		counter(bytesDesc, t.Bytes, t.Policy, t.Reason.String(), t.Reason.Action().String())
		if t.Reason.Action() != scrub.Passed {
			counter(watchedDesc, t.Watched, t.Policy, t.Reason.String())
		}
	}
	denied, counts := c.d.list.Count()
	for owner, n := range denied {
		gauge(deniedDesc, float64(n), owner)
	}
	for _, a := range c.d.interfaces.states() {
		gauge(attachedDesc, oneIf(a.On()), a.Interface, Mode(a.Attachment))
	}
	counter(lateDesc, c.d.interfaces.attached.Load(), "done")
	counter(lateDesc, c.d.interfaces.refused.Load(), "refused")
	counter(lostDesc, c.d.samples.lost.Load())
	counter(pushedDesc, counts.Set, "set")
	counter(pushedDesc, counts.Lifted, "lifted")
	counter(pushedDesc, counts.Refused, "refused")
	counter(reloadDesc, c.d.reloads.done.Load(), "done")
	counter(reloadDesc, c.d.reloads.refused.Load(), "refused")
	for _, t := range c.d.nexthops.states() {
		gauge(tunnelDesc, oneIf(t.Unreachable == ""), t.To.String())
	}
	if ring, err := c.d.handOn(); err != nil {
		ch <- prometheus.NewInvalidMetric(windowDesc, err)
	} else if ring != nil {
		gauge(windowDesc, ring.left().Seconds())
	}
	for _, s := range c.d.sysctlsNow(c.d.current().Config) {
		gauge(sysctlDesc, oneIf(s.OK()), s.Key())
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Mode is how an interface runs the program: native, generic, or none if it was never
// attached.
func Mode(a pinset.Attachment) string {
	switch {
	case a.Index == 0:
		return "none"
	case a.Native:
		return "native"
	}
	return "generic"
}
