package incidents

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/incident"
)

var openGauge = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "theriac_incident_open",
	Help: "Incidents that are open, at the edge that records them; 0 at all others.",
})

var seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "theriac_incident_seconds",
	Help:    "Times of incidents that are over, from the onset of each vector at each shop, by phase: detect, act (the first action), effective (customers are served well) and over (the last sign). What did not happen or was not measurable is left out.",
	Buckets: []float64{0, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3600},
}, []string{"vector", "phase"})

// Metrics are those of this package. They outlive reloads.
func Metrics() []prometheus.Collector { return []prometheus.Collector{openGauge, seconds} }

// observe counts the times of an incident that is over.
func observe(rec *incident.Record) {
	for _, s := range rec.Shops {
		for _, v := range s.Vectors {
			for phase, at := range map[string]time.Time{"detect": v.Detected, "act": v.Acted, "effective": v.Effective, "over": v.LastHeat} {
				if !at.IsZero() {
					seconds.WithLabelValues(v.Vector, phase).Observe(max(0, at.Sub(v.Onset).Seconds()))
				}
			}
		}
	}
}
