package limit

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
)

// Each decision of a zone is counted once. No label comes from a request.
var (
	decisions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_limit_decisions_total",
		Help: "Decisions by shop and zone: allowed, refused, compact (refused with a bare 429) or shadow (would have been refused).",
	}, []string{"shop", "zone", "decision"})
	overshoot = &overshootCollector{desc: prometheus.NewDesc("theriac_limit_overshoot_ratio",
		"Requests that all edges together allowed beyond the limit before they had settled, as a ratio of all allowed requests.",
		[]string{"shop", "zone"}, nil)}
)

// outcomes are a zone's series, looked up once instead of on each request.
type outcomes struct{ allowed, refused, compact, shadowed *metric.Counter }

func outcomesOf(id shop.ID, zone string, lim *counters.Limit) outcomes {
	overshoot.limits.Store([2]string{string(id), zone}, lim)
	of := func(decision string) *metric.Counter {
		return metric.NewCounter(decisions, string(id), zone, decision)
	}
	return outcomes{allowed: of("allowed"), refused: of("refused"), compact: of("compact"), shadowed: of("shadow")}
}

// overshootCollector reads the limits when metrics are scraped.
type overshootCollector struct {
	desc   *prometheus.Desc
	limits sync.Map // shop and zone to *counters.Limit
}

func (c *overshootCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

func (c *overshootCollector) Collect(ch chan<- prometheus.Metric) {
	c.limits.Range(func(name, value any) bool {
		zone, lim := name.([2]string), value.(*counters.Limit)
		if settled := lim.Settled.Load(); settled > 0 {
			ratio := float64(lim.Over.Load()) / float64(settled)
			ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, ratio, zone[0], zone[1])
		}
		return true
	})
}
