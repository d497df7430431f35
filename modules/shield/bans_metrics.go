package shield

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/ban"
)

// Each ban that is asked for is counted once. No label comes from a
// request: shops are those of the configuration, causes and outcomes closed
// lists.
var bansTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "theriac_shield_bans_total",
	Help: "Requests for a ban, by shop, cause and outcome: banned, renewed, known (banned already), shadow (would have been banned), protected (customers in the subnet), capped (max_per_minute), never_ban, refused (by the shared store) or full.",
}, []string{"shop", "cause", "outcome"})

var (
	bansDesc = prometheus.NewDesc("theriac_shield_bans", "Bans in force, by cause, at all shops or at one.", []string{"cause", "reach"}, nil)

	scrubberGauges = []struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		of   func(client.Status) float64
	}{
		{scrubberDesc("up", "1 while the scrubber answers."), prometheus.GaugeValue, func(s client.Status) float64 {
			if s.Answers {
				return 1
			}
			return 0
		}},
		{scrubberDesc("bans", "Bans that the scrubber is to apply."), prometheus.GaugeValue, func(s client.Status) float64 { return float64(s.Bans) }},
		{scrubberDesc("pending_bans", "Changes of bans that the scrubber has not been sent yet."), prometheus.GaugeValue, func(s client.Status) float64 { return float64(s.Pending) }},
		{scrubberDesc("refused_bans", "Bans that the scrubber does not apply."), prometheus.GaugeValue, func(s client.Status) float64 { return float64(s.Refused) }},
		{scrubberDesc("pushed_total", "Bans, and lifted bans, sent to the scrubber."), prometheus.CounterValue, func(s client.Status) float64 { return float64(s.Pushed) }},
		{scrubberDesc("overflow_total", "Bans that were not sent to the scrubber because there are too many."), prometheus.CounterValue, func(s client.Status) float64 { return float64(s.Overflow) }},
		{scrubberDesc("dropped_packets_total", "Packets that the scrubber dropped because of this edge's bans."), prometheus.CounterValue, func(s client.Status) float64 { return float64(s.Packets) }},
	}
)

func scrubberDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("theriac_scrubber_"+name, help, nil, nil)
}

// banCollector reads bans and scrubber when the metrics are read.
type banCollector struct{ app *App }

func (c banCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- bansDesc
	for _, g := range scrubberGauges {
		ch <- g.desc
	}
}

func (c banCollector) Collect(ch chan<- prometheus.Metric) {
	var counts [ban.Causes][2]int
	for _, ban := range c.app.runtime.store.Bans() {
		reach := 0
		if ban.Shop != "" {
			reach = 1
		}
		counts[ban.Cause][reach]++
	}
	for cause, reaches := range counts {
		for i, reach := range []string{"all", "shop"} {
			ch <- prometheus.MustNewConstMetric(bansDesc, prometheus.GaugeValue, float64(reaches[i]), ban.Cause(cause).String(), reach)
		}
	}
	if c.app.Scrubd == "" {
		return
	}
	state := c.app.runtime.scrubber.Status()
	for _, g := range scrubberGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.of(state))
	}
}
