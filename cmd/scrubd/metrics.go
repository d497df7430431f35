//go:build linux

package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// Everything that is counted. Labels are names of policies, reasons, owners and
// interfaces, all from the policy file or from closed lists.
var (
	packetsDesc = desc("packets_total", "Packets by policy, and by the reason for which they left.", "policy", "reason", "verdict")
	bytesDesc   = desc("bytes_total", "The bytes of these packets.", "policy", "reason", "verdict")
	watchedDesc = desc("watched_total", "Packets that would have left for this reason, but for monitor mode.", "policy", "reason")
	deniedDesc  = desc("denied", "Prefixes on the deny list, by who wants them there.", "owner")
	attachDesc  = desc("attached", "1 while the program looks at the interface, in this mode.", "interface", "mode")
	lostDesc    = desc("samples_lost_total", "Samples that watchers were too slow for.")
	verdictDesc = desc("pushed_bans_total", "Bans pushed by edges: set, lifted, and of these refused.", "outcome")
	reloadDesc  = desc("policy_reloads_total", "Reloads of the policy file.", "outcome")
	tunnelDesc  = desc("tunnel_up", "1 while the host's own stack knows the way to the far end of the tunnel.", "to")
	sysctlDesc  = desc("sysctl_ok", "1 if the sysctl was as the dataplane needs it when scrubd started.", "sysctl")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("theriac_scrub_"+name, help, labels, nil)
}

// collector reads the daemon's figures when they are asked for.
type collector struct{ d *daemon }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		packetsDesc, bytesDesc, watchedDesc, deniedDesc, attachDesc, lostDesc, verdictDesc, reloadDesc, tunnelDesc, sysctlDesc,
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
	denied, counts := c.d.desk.count()
	for owner, n := range denied {
		gauge(deniedDesc, float64(n), owner)
	}
	live := make(map[string]bool)
	for _, name := range c.d.plane.Attached() {
		live[name] = true
	}
	for _, a := range c.d.attached {
		gauge(attachDesc, one(live[a.Interface]), a.Interface, modeOf(a))
	}
	counter(lostDesc, c.d.samples.lost.Load())
	counter(verdictDesc, counts.Passed, "passed")
	counter(verdictDesc, counts.Lifted, "lifted")
	counter(verdictDesc, counts.Refused, "refused")
	counter(reloadDesc, c.d.reloads.done.Load(), "done")
	counter(reloadDesc, c.d.reloads.refused.Load(), "refused")
	for _, w := range c.d.ways.reports() {
		gauge(tunnelDesc, one(w.Lost == ""), w.To.String())
	}
	for _, s := range c.d.sysctls {
		gauge(sysctlDesc, one(s.ok()), s.name())
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// modeOf is how an interface runs the program, as people read it.
func modeOf(a pinset.Attachment) string {
	if a.Native {
		return "native"
	}
	return "generic"
}
