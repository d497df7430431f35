package gate

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// outcome is what becomes of a new connection.
type outcome uint8

const (
	accepted    outcome = iota
	exempt              // never refused
	banned              // its source is
	tooFast             // too many new ones from there
	connections         // too many open ones from there
	handshakes          // too many unfinished ones from there
	outcomes
)

var outcomeNames = [...]string{
	accepted: "accepted", exempt: "exempt", banned: "banned", tooFast: "rate", connections: "connections", handshakes: "handshakes",
}

// An outcome added above and not named here does not compile.
var _ = [1]struct{}{}[len(outcomeNames)-int(outcomes)]

func (o outcome) String() string { return outcomeNames[o] }

// Each connection is counted once when it comes, and once more if it has to go.
// No label comes from a client: listeners are those of the configuration.
var (
	connectionsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_gate_connections_total",
		Help: "New TCP connections by listener and outcome: accepted, exempt, or refused because of banned, rate, connections or handshakes; with mode shadow these were let in.",
	}, []string{"listener", "outcome", "mode"})

	lateTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_gate_unfinished_total",
		Help: "TCP connections that did not finish their handshake: slow (out of time) or displaced (too many at a time).",
	}, []string{"listener", "outcome", "mode"})

	datagramsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_gate_quic_total",
		Help: "QUIC datagrams by listener and outcome: those that open a connection are accepted, exempt or refused because of rate; any of a banned source are refused.",
	}, []string{"listener", "outcome", "mode"})
)

// A post is one listener at which a gate stands. Its series are looked up once.
type post struct {
	name   string
	id     uint64 // what tells its counts from those of others
	shadow bool
	of     [outcomes]prometheus.Counter
}

func newPost(h *hall, name string, series *prometheus.CounterVec, shadow bool, possible ...outcome) *post {
	p := &post{name: name, id: h.hash([]byte(name)), shadow: shadow}
	for _, o := range possible {
		p.of[o] = series.WithLabelValues(name, o.String(), modeOf(shadow))
	}
	return p
}

func modeOf(shadow bool) string {
	if shadow {
		return "shadow"
	}
	return "on"
}

// count counts a datagram that passes, if it opens a connection.
func (p *post) count(o outcome, opens bool) {
	if opens {
		p.of[o].Inc()
	}
}

var (
	openDesc      = prometheus.NewDesc("theriac_gate_open", "Open TCP connections, without exempt ones.", []string{"listener"}, nil)
	waitingDesc   = prometheus.NewDesc("theriac_gate_handshakes", "Open TCP connections that have not finished their handshake.", nil, nil)
	placesDesc    = prometheus.NewDesc("theriac_gate_tracked_prefixes", "Addresses and prefixes that have open connections.", nil, nil)
	uncountedDesc = prometheus.NewDesc("theriac_gate_untracked_total", "Connections from places for which there was no room in the table.", nil, nil)
)

// Describe and Collect read the hall when the metrics are read.
func (h *hall) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{openDesc, waitingDesc, placesDesc, uncountedDesc} {
		ch <- desc
	}
}

// Collect reads the hall.
func (h *hall) Collect(ch chan<- prometheus.Metric) {
	h.open.Range(func(name, n any) bool {
		ch <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, float64(n.(*atomic.Int64).Load()), name.(string))
		return true
	})
	ch <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(h.waiting.len()))
	ch <- prometheus.MustNewConstMetric(placesDesc, prometheus.GaugeValue, float64(h.table.len()))
	ch <- prometheus.MustNewConstMetric(uncountedDesc, prometheus.CounterValue, float64(h.table.uncounted.Load()))
}

func (h *hall) openAt(name string) *atomic.Int64 {
	n, _ := h.open.LoadOrStore(name, new(atomic.Int64))
	return n.(*atomic.Int64)
}
