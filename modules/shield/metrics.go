package shield

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/modules/shield/life"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/modules/shield/outbox"
	"github.com/theriac-edge/theriac/modules/shield/watching"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop/ban"
)

// Every figure of the store, read when the metrics are.
var storeGauges = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(counters.Status) float64
}{
	{
		storeDesc("shared", "1 while counts are shared with the other edges."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return oneIf(s.Shared) },
	},
	{
		storeDesc("refuses_connections", "1 while the store would refuse a new connection: a wrong password or certificate."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return oneIf(s.Refuses) },
	},
	{
		storeDesc("nodes", "Live edges that share counts."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return float64(len(s.Nodes)) },
	},
	{
		storeDesc("keys", "Keys counted at the moment."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return float64(s.Keys) },
	},
	{
		storeDesc("capacity", "Keys that can be counted at the same time."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return float64(s.Capacity) },
	},
	{
		storeDesc("evicted_total", "Keys evicted while they still mattered: raise memory."), prometheus.CounterValue,
		func(s counters.Status) float64 { return float64(s.Evicted) },
	},
	{
		storeDesc("pending_bans", "Bans, and lifted bans, that the other edges do not know yet."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return float64(s.Pending) },
	},
	{
		storeDesc("commands_total", "Commands sent to the shared store."), prometheus.CounterValue,
		func(s counters.Status) float64 { return float64(s.Commands) },
	},
	{
		storeDesc("latency_seconds", "Latency of the store's last answer."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return s.Latency.Seconds() },
	},
	{
		storeDesc("clock_steps_total", "Jumps of the store's clock of a second or more."), prometheus.CounterValue,
		func(s counters.Status) float64 { return float64(s.Steps) },
	},
	{
		storeDesc("partitions_cut_off", "Of 64 partitions of the keys in a Redis Cluster, those whose servers do not answer."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return float64(s.CutOff) },
	},
	{
		storeDesc("clock_difference_seconds", "By how much this edge's clock is ahead of the store's."), prometheus.GaugeValue,
		func(s counters.Status) float64 { return s.Apart.Seconds() },
	},
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func storeDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("theriac_store_"+name, help, nil, nil)
}

// storeCollector reads the store's status when the metrics are read.
type storeCollector struct{ app *App }

func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range storeGauges {
		ch <- g.desc
	}
}

func (c storeCollector) Collect(ch chan<- prometheus.Metric) {
	status := c.app.runtime.store.Status()
	for _, g := range storeGauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.of(status))
	}
}

// levelCollector reads the shops' levels when the metrics are read.
type levelCollector struct{ app *App }

var (
	levelDesc  = prometheus.NewDesc("theriac_shield_level", "The level of attack of the shop: 0 (calm) to 4 (siege).", []string{"shop"}, nil)
	sourceDesc = prometheus.NewDesc("theriac_shield_level_source", "Where the level of the shop comes from: 0 (nobody), 1 (the watch), 2 (people), 3 (a campaign).", []string{"shop"}, nil)
)

func (c levelCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- levelDesc
	ch <- sourceDesc
}

func (c levelCollector) Collect(ch chan<- prometheus.Metric) {
	for id, s := range c.app.shops {
		is := s.Level()
		ch <- prometheus.MustNewConstMetric(levelDesc, prometheus.GaugeValue, float64(is.Level), string(id))
		ch <- prometheus.MustNewConstMetric(sourceDesc, prometheus.GaugeValue, float64(slices.Index(levels.Sources, is.By)), string(id))
	}
}

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
			return oneIf(s.Answers)
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

// olderTotal counts what an older secret is still accepted for.
var olderTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "theriac_shield_older_secret_total",
	Help: "Requests with a pass, stamp or solved challenge of another than the first secret, and requests banned under one.",
}, []string{"what"})

// What may be of an older secret.
const (
	OlderPass      = "pass"
	OlderStamp     = "stamp"
	OlderChallenge = "challenge"
	OlderBan       = "ban"
)

// CountOlder counts a token or ban of another secret than the first.
func CountOlder(what string) { olderTotal.WithLabelValues(what).Inc() }

var (
	secretsDesc  = prometheus.NewDesc("theriac_shield_secrets", "Secrets whose tokens and bans hold: more than one while the tier changes its secret.", nil, nil)
	unlikeDesc   = prometheus.NewDesc("theriac_shield_secret_unlike", "Live edges that do not share this edge's secret.", nil, nil)
	unusableDesc = prometheus.NewDesc("theriac_shield_unusable_files", "Options whose file cannot be used as it is now: what was read before is in force.", nil, nil)
)

// secretCollector reads the secrets when the metrics are read.
type secretCollector struct{ app *App }

func (c secretCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- secretsDesc
	ch <- unlikeDesc
	ch <- unusableDesc
}

func (c secretCollector) Collect(ch chan<- prometheus.Metric) {
	unlike := 0
	if status := c.app.SecretStatus(); status != nil {
		unlike = len(status.Unlike)
	}
	for desc, value := range map[*prometheus.Desc]int{secretsDesc: len(c.app.runtime.hashers()), unlikeDesc: unlike, unusableDesc: len(c.app.Unusable())} {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value))
	}
}

func registerMetrics(registry *prometheus.Registry, a *App) error {
	return metric.Register(registry, append(incidents.Metrics(), storeCollector{a}, levelCollector{a}, banCollector{a}, secretCollector{a}, watchCollector{a}, bansTotal, olderTotal, drainGauge, watching.Changes(), outbox.Total)...)
}

// drainGauge is for alerts: a drained edge that was forgotten gets no traffic.
var drainGauge = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
	Name: "theriac_shield_draining",
	Help: "1 while clients are sent away from this edge: it was drained, or is about to end.",
}, func() float64 { return oneIf(life.Draining()) })
