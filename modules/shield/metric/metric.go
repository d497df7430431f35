// Package metric is how the app and the stages keep their metrics: each collector belongs to
// its package and outlives reloads, and a series is made by its first event.
//
// It knows neither Caddy nor the app. What Prometheus refuses is an error.
package metric

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/shop"
)

// Register adds collectors to the registry of a new configuration. Caddy makes
// a registry for each, while counts must go on, so collectors belong to the
// package and are registered again.
func Register(registry *prometheus.Registry, collectors ...prometheus.Collector) error {
	for _, c := range collectors {
		var known prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &known) {
			return err
		}
	}
	return nil
}

// PerShop returns a function that makes something for each shop, the first time
// that it is asked for, and keeps it over reloads: its metrics, for one.
func PerShop[T any](build func(shop.ID) *T) func(shop.ID) *T {
	var known sync.Map // shop.ID to *T
	return func(id shop.ID) *T {
		if one, ok := known.Load(id); ok {
			return one.(*T)
		}
		one, _ := known.LoadOrStore(id, build(id))
		return one.(*T)
	}
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
