package shield

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/shop/ban"
)

// Each ban that somebody asks for is counted once. No label comes from a
// request: shops are those of the configuration, causes and outcomes closed
// lists.
var bansTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "theriac_shield_bans_total",
	Help: "Bans by shop, cause and outcome: banned, renewed, known, shadow (would have been banned), vouched (customers are near), capped, spared, refused (by the store) or full.",
}, []string{"shop", "cause", "outcome"})

var (
	bansDesc = prometheus.NewDesc("theriac_shield_bans", "Bans in force, by cause, at all shops or at one.", []string{"cause", "reach"}, nil)

	belowGauges = []struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		of   func(Below) float64
	}{
		{belowDesc("up", "1 while the scrubber answers."), prometheus.GaugeValue, func(b Below) float64 {
			if b.Answers {
				return 1
			}
			return 0
		}},
		{belowDesc("bans", "Bans that were passed down to the scrubber and hold."), prometheus.GaugeValue, func(b Below) float64 { return float64(b.Verdicts) }},
		{belowDesc("pending_bans", "Verdicts that the scrubber has not been told yet."), prometheus.GaugeValue, func(b Below) float64 { return float64(b.Due) }},
		{belowDesc("refused_bans", "Verdicts that the scrubber did not carry out."), prometheus.GaugeValue, func(b Below) float64 { return float64(b.Refused) }},
		{belowDesc("pushed_total", "Verdicts that the scrubber was told."), prometheus.CounterValue, func(b Below) float64 { return float64(b.Passed) }},
		{belowDesc("overflow_total", "Verdicts for which there was no room."), prometheus.CounterValue, func(b Below) float64 { return float64(b.Dropped) }},
		{belowDesc("dropped_packets_total", "Packets that the scrubber dropped for this edge's verdicts."), prometheus.CounterValue, func(b Below) float64 { return float64(b.Packets) }},
	}
)

func belowDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("theriac_scrubber_"+name, help, nil, nil)
}

// banCollector reads bans and scrubber when the metrics are read.
type banCollector struct{ app *App }

func (c banCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- bansDesc
	for _, g := range belowGauges {
		ch <- g.desc
	}
}

func (c banCollector) Collect(ch chan<- prometheus.Metric) {
	var counts [ban.Causes][2]int
	for _, ban := range c.app.house.store.Bans() {
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
	state := c.app.house.below.report()
	for _, g := range belowGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.of(state))
	}
}
