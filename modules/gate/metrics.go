package gate

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/watch"
)

// outcome is what the gate does with a new connection.
type outcome uint8

const (
	accepted    outcome = iota
	exempt              // never refused
	banned              // its source is banned
	tooFast             // its source opens too many per second
	connections         // its source has too many open
	handshakes          // its source has too many in their handshake
	outcomes
)

var outcomeNames = [...]string{
	accepted: "accepted", exempt: "exempt", banned: "banned", tooFast: "rate", connections: "connections", handshakes: "handshakes",
}

// An outcome added above and not named here does not compile.
var _ = [1]struct{}{}[len(outcomeNames)-int(outcomes)]

func (o outcome) String() string { return outcomeNames[o] }

// Each connection is counted once when it is accepted or refused, and again if it is
// closed in its handshake. No label comes from a client: listeners are those of the
// configuration.
var (
	connectionsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_gate_connections_total",
		Help: "New TCP connections by listener and outcome: accepted, exempt (never refused), or refused by banned, rate, connections or handshakes. In mode shadow refused connections were accepted.",
	}, []string{"listener", "outcome", "mode"})

	lateTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_gate_unfinished_total",
		Help: "TCP connections that were closed in their handshake: slow (timeout) or displaced (the half-open queue was full).",
	}, []string{"listener", "outcome", "mode"})

	datagramsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_gate_quic_total",
		Help: "QUIC datagrams by listener and outcome. Only datagrams that open a connection are counted as accepted, exempt or refused by rate; all datagrams of a banned source are refused.",
	}, []string{"listener", "outcome", "mode"})
)

// listenerStats are the counts of one listener. Its series are looked up once.
type listenerStats struct {
	name   string
	id     uint64 // keeps its counts apart from those of other listeners
	shadow bool
	of     [outcomes]prometheus.Counter

	halfOpen watch.Vector // what half-open connections are, as long as they have sent nothing
}

func newStats(s *state, name string, series *prometheus.CounterVec, shadow bool, possible ...outcome) *listenerStats {
	p := &listenerStats{name: name, id: s.hash([]byte(name)), shadow: shadow, halfOpen: watch.TLSFlood}
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

// count counts an accepted datagram if it opens a connection.
func (p *listenerStats) count(o outcome, opens bool) {
	if opens {
		p.of[o].Inc()
	}
}

var (
	openDesc      = prometheus.NewDesc("theriac_gate_open", "Open TCP connections, except exempt ones.", []string{"listener"}, nil)
	halfOpenDesc  = prometheus.NewDesc("theriac_gate_handshakes", "Half-open TCP connections: their handshake has not finished.", nil, nil)
	trackedDesc   = prometheus.NewDesc("theriac_gate_tracked_prefixes", "Prefixes (clients and subnets) that have open connections.", nil, nil)
	untrackedDesc = prometheus.NewDesc("theriac_gate_untracked_total", "Connections that were not counted because the table of prefixes was full.", nil, nil)
)

// Describe lists the metrics that Collect sends.
func (s *state) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{openDesc, halfOpenDesc, trackedDesc, untrackedDesc} {
		ch <- desc
	}
}

// Collect reads the state when metrics are scraped.
func (s *state) Collect(ch chan<- prometheus.Metric) {
	s.open.Range(func(name, n any) bool {
		ch <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, float64(n.(*atomic.Int64).Load()), name.(string))
		return true
	})
	ch <- prometheus.MustNewConstMetric(halfOpenDesc, prometheus.GaugeValue, float64(s.halfOpen.len()))
	ch <- prometheus.MustNewConstMetric(trackedDesc, prometheus.GaugeValue, float64(s.table.len()))
	ch <- prometheus.MustNewConstMetric(untrackedDesc, prometheus.CounterValue, float64(s.table.untracked.Load()))
}

func (s *state) openAt(name string) *atomic.Int64 {
	n, _ := s.open.LoadOrStore(name, new(atomic.Int64))
	return n.(*atomic.Int64)
}
