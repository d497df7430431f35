package incidents

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/incident"
)

// TestObserve: each phase of each vector is counted once, and what has not happened is not.
func TestObserve(t *testing.T) {
	seconds.Reset()
	observe(&incident.Record{Shops: []*incident.Shop{{Vectors: []*incident.Vector{
		{Vector: "udp", Onset: at(10), Detected: at(10), Acted: at(10), LastHeat: at(100)}, // not measurable
		{Vector: "syn", Onset: at(10), Detected: at(12), Acted: at(11), Effective: at(20), LastHeat: at(100)},
	}}}})
	series := make(chan prometheus.Metric, 100)
	seconds.Collect(series)
	if got := len(series); got != 7 {
		t.Errorf("%d series, want 7: that which was not measurable is not counted", got)
	}
}

// BenchmarkStep is a second of an edge that leads while 500 shops are attacked, each apart.
func BenchmarkStep(b *testing.B) {
	e := start(b, "fra-1", memory(b))
	var attacks []attack
	for i := range 500 {
		a := flood
		a.shop, a.from, a.to, a.heals = shopOf(i), 0, 1<<30, 3
		attacks = append(attacks, a)
	}
	e.run(leads(1), 0, 20, attacks...)
	second := 21
	all := moments(second, attacks...)
	for b.Loop() {
		e.Step(&Second{At: at(second), Lead: leads(1), Moments: all})
		second++
	}
}
