package shield

import (
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/counters"
)

// RegisterMetrics adds collectors to the registry of a new configuration. Caddy makes
// a registry for each, while counts must go on, so collectors belong to the
// package and are registered again.
func RegisterMetrics(registry *prometheus.Registry, collectors ...prometheus.Collector) error {
	for _, c := range collectors {
		var known prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &known) {
			return err
		}
	}
	return nil
}

// Every figure of the store, read when the metrics are.
var storeGauges = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(counters.Status) float64
}{
	{
		storeDesc("shared", "1 while counts are shared with the other edges."), prometheus.GaugeValue,
		func(s counters.Status) float64 {
			if s.Shared {
				return 1
			}
			return 0
		},
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

var levelDesc = prometheus.NewDesc("theriac_shield_level", "The level of attack of the shop: 0 (calm) to 4 (siege).", []string{"shop"}, nil)

func (c levelCollector) Describe(ch chan<- *prometheus.Desc) { ch <- levelDesc }

func (c levelCollector) Collect(ch chan<- prometheus.Metric) {
	for id, s := range c.app.shops {
		ch <- prometheus.MustNewConstMetric(levelDesc, prometheus.GaugeValue, float64(s.Level().Level), string(id))
	}
}

func registerMetrics(registry *prometheus.Registry, a *App) error {
	return RegisterMetrics(registry, storeCollector{a}, levelCollector{a}, banCollector{a}, bansTotal)
}

// lazy is a series that is exported from its first event on. Most series of most shops
// never have one, and every one costs memory here and at whoever collects the metrics.
type lazy[T any] struct {
	with   func(labels ...string) T
	labels []string
	made   atomic.Pointer[T]
}

func (l *lazy[T]) get() T {
	made := l.made.Load()
	if made == nil {
		one := l.with(l.labels...)
		made = &one
		l.made.Store(made)
	}
	return *made
}

// Counter is one counter of a vector. It is exported from its first event on.
type Counter struct{ lazy[prometheus.Counter] }

// NewCounter returns the counter with these labels.
func NewCounter(vec *prometheus.CounterVec, labels ...string) *Counter {
	return &Counter{lazy[prometheus.Counter]{with: vec.WithLabelValues, labels: labels}}
}

// Inc counts an event.
func (c *Counter) Inc() { c.get().Inc() }

// Histogram is one histogram of a vector. It is exported from its first value on.
type Histogram struct{ lazy[prometheus.Observer] }

// NewHistogram returns the histogram with these labels.
func NewHistogram(vec *prometheus.HistogramVec, labels ...string) *Histogram {
	return &Histogram{lazy[prometheus.Observer]{with: vec.WithLabelValues, labels: labels}}
}

// Observe counts a value.
func (h *Histogram) Observe(value float64) { h.get().Observe(value) }
