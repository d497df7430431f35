//go:build linux

package daemon

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Everything that an agent counts.
var (
	agentPacketsDesc  = desc("agent_packets_total", "Packets that the agent has examined, by the reason for what was done with them.", "reason", "action")
	agentBytesDesc    = desc("agent_bytes_total", "Bytes of these packets.", "reason", "action")
	agentAttachedDesc = desc("agent_attached", "1 while the agent is attached to the interface, for incoming (in) or outgoing packets (egress).", "interface", "direction")
	agentLateDesc     = desc("agent_late_attachments_total", "Tries to attach to an interface that came after the start, or came back.", "outcome")
	agentReloadDesc   = desc("agent_policy_reloads_total", "Reloads of the agent's policy file.", "outcome")
	agentSysctlDesc   = desc("agent_sysctl_ok", "1 while the sysctl has the required value.", "sysctl")
)

// agentCollector reads an agent's figures at each scrape.
type agentCollector struct{ a *Agent }

func (c agentCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{agentPacketsDesc, agentBytesDesc, agentAttachedDesc, agentLateDesc, agentReloadDesc, agentSysctlDesc} {
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
	for direction, kept := range map[string]*interfaces{"in": c.a.ingress, "egress": c.a.egress} {
		for _, a := range kept.states() {
			metric(agentAttachedDesc, prometheus.GaugeValue, oneIf(a.On()), a.Interface, direction)
		}
	}
	metric(agentLateDesc, prometheus.CounterValue, float64(c.a.ingress.attached.Load()+c.a.egress.attached.Load()), "done")
	metric(agentLateDesc, prometheus.CounterValue, float64(c.a.ingress.refused.Load()+c.a.egress.refused.Load()), "refused")
	metric(agentReloadDesc, prometheus.CounterValue, float64(c.a.reloaded.Load()), "done")
	metric(agentReloadDesc, prometheus.CounterValue, float64(c.a.refused.Load()), "refused")
	for _, s := range c.a.sysctls() {
		metric(agentSysctlDesc, prometheus.GaugeValue, oneIf(s.OK()), s.Key())
	}
}
