//go:build linux

package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
)

// Everything that an agent counts.
var (
	agentPacketsDesc  = desc("agent_packets_total", "Packets that the agent has examined, by the reason for what was done with them.", "reason", "action")
	agentBytesDesc    = desc("agent_bytes_total", "Bytes of these packets.", "reason", "action")
	agentAttachedDesc = desc("agent_attached", "1 while the agent is attached to the interface, for incoming (in) or outgoing packets (egress).", "interface", "direction")
	agentReloadDesc   = desc("agent_policy_reloads_total", "Reloads of the agent's policy file.", "outcome")
	agentSysctlDesc   = desc("agent_sysctl_ok", "1 while the sysctl has the required value.", "sysctl")
)

// agentCollector reads an agent's figures at each scrape.
type agentCollector struct{ a *Agent }

func (c agentCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{agentPacketsDesc, agentBytesDesc, agentAttachedDesc, agentReloadDesc, agentSysctlDesc} {
		ch <- d
	}
}

func (c agentCollector) Collect(ch chan<- prometheus.Metric) {
	metric := func(d *prometheus.Desc, kind prometheus.ValueType, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, n, labels...)
	}
	tallies, err := c.a.agent.Tallies()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(agentPacketsDesc, err)
	}
	for _, t := range tallies {
		metric(agentPacketsDesc, prometheus.CounterValue, float64(t.Packets), t.Reason.String(), t.Reason.Action().String())
		metric(agentBytesDesc, prometheus.CounterValue, float64(t.Bytes), t.Reason.String(), t.Reason.Action().String())
	}
	in, out := c.a.agent.Attached()
	for _, a := range c.a.attached {
		metric(agentAttachedDesc, prometheus.GaugeValue, oneIf(in[a.Index] != ""), a.Interface, "in")
	}
	for _, a := range c.a.egress {
		metric(agentAttachedDesc, prometheus.GaugeValue, oneIf(out[a.Index] != ""), a.Interface, "egress")
	}
	metric(agentReloadDesc, prometheus.CounterValue, float64(c.a.reloaded.Load()), "done")
	metric(agentReloadDesc, prometheus.CounterValue, float64(c.a.refused.Load()), "refused")
	for _, s := range hostcheck.Sysctls(c.a.settings(), policyfile.CheckSysctls) {
		metric(agentSysctlDesc, prometheus.GaugeValue, oneIf(s.OK()), s.Key())
	}
}
