//go:build linux

package main

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Everything that an agent counts.
var (
	agentPacketsDesc = desc("agent_packets_total", "Packets that an agent has looked at, by the reason for which they left.", "reason", "verdict")
	agentBytesDesc   = desc("agent_bytes_total", "The bytes of these packets.", "reason", "verdict")
	agentAttachDesc  = desc("agent_attached", "1 while the agent looks at what comes in by the interface, or leaves by it.", "interface", "direction")
	agentReloadDesc  = desc("agent_policy_reloads_total", "Reloads of the agent's policy file.", "outcome")
	agentSysctlDesc  = desc("agent_sysctl_ok", "1 if the sysctl was as the agent needs it when it started.", "sysctl")
)

// agentCollector reads an agent's figures when they are asked for.
type agentCollector struct{ d *agentDaemon }

func (c agentCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{agentPacketsDesc, agentBytesDesc, agentAttachDesc, agentReloadDesc, agentSysctlDesc} {
		ch <- d
	}
}

func (c agentCollector) Collect(ch chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, n, labels...)
	}
	tallies, err := c.d.agent.Tallies()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(agentPacketsDesc, err)
	}
	for _, t := range tallies {
		tell(agentPacketsDesc, prometheus.CounterValue, float64(t.Packets), t.Reason.String(), t.Reason.Action().String())
		tell(agentBytesDesc, prometheus.CounterValue, float64(t.Bytes), t.Reason.String(), t.Reason.Action().String())
	}
	in, back := c.d.agent.Attached()
	for _, a := range c.d.attached {
		tell(agentAttachDesc, prometheus.GaugeValue, one(slices.Contains(in, a.Interface)), a.Interface, "in")
	}
	for _, name := range c.d.egress {
		tell(agentAttachDesc, prometheus.GaugeValue, one(slices.Contains(back, name)), name, "egress")
	}
	tell(agentReloadDesc, prometheus.CounterValue, float64(c.d.reloaded.Load()), "done")
	tell(agentReloadDesc, prometheus.CounterValue, float64(c.d.refused.Load()), "refused")
	for _, s := range c.d.sysctls {
		tell(agentSysctlDesc, prometheus.GaugeValue, one(s.ok()), s.name())
	}
}
