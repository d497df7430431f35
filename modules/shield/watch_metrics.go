package shield

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/watching"
)

// watchGauges are what the watch sees of each shop.
var watchGauges = []struct {
	desc *prometheus.Desc
	of   func(watching.View) float64
}{
	{watchDesc("strangers", "Requests a second by strangers at all edges, of the kind that is nearest to its alarm: the mean since they last were within the allowance.", "shop"), func(v watching.View) float64 { return v.Strangers }},
	{watchDesc("usual", "Of these, how many are usual at this hour of the week.", "shop"), func(v watching.View) float64 { return v.Usual }},
	{watchDesc("allowance", "Of these, how many are allowed before they add up.", "shop"), func(v watching.View) float64 { return v.Allowance }},
	{watchDesc("excess_ratio", "What has added up above the allowance, as a part of what raises the level to 1.", "shop"), func(v watching.View) float64 { return v.Sum / max(1, v.Threshold) }},
	{watchDesc("sick", "1 while the shop suffers: it is slow, fails, or a limit of the whole shop refuses requests.", "shop"), func(v watching.View) float64 { return oneIf(v.Suffers) }},
	{watchDesc("level", "The level that the watch finds right, also in shadow and below a pin.", "shop"), func(v watching.View) float64 { return float64(v.Level) }},
}

var (
	leaderDesc = watchDesc("leader", "1 while this edge leads the watch, or is alone.")
	lateDesc   = watchDesc("late_seconds", "By how much the last second was judged late: the edge is too busy.")
	edgesDesc  = watchDesc("edges", "Edges that have reported in the last ten seconds, this one included.")
)

func watchDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("theriac_watch_"+name, help, labels, nil)
}

// watchCollector reads what the watch sees when the metrics are read.
type watchCollector struct{ app *App }

func (c watchCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range watchGauges {
		ch <- g.desc
	}
	ch <- leaderDesc
	ch <- lateDesc
	ch <- edgesDesc
}

func (c watchCollector) Collect(ch chan<- prometheus.Metric) {
	status, views := c.app.WatchStatus()
	for _, v := range views {
		if v.Strangers == 0 && v.Level == 0 && !v.Suffers {
			continue // calm, as most shops are most of the time
		}
		for _, g := range watchGauges {
			ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.of(v), string(v.Shop))
		}
	}
	gauge := func(desc *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	gauge(leaderDesc, oneIf(status.Role != counters.Following.String()))
	gauge(lateDesc, status.Late.Seconds())
	gauge(edgesDesc, float64(len(status.Edges)))
}
