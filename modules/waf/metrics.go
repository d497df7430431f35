package waf

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
)

// Each inspection is counted once by its outcome. No label comes from a request: rules
// are those of the rule set.
var (
	outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_waf_outcomes_total",
		Help: "Requests by shop and outcome: clean, skipped (not inspected), shadow (would have been refused), busy (no slot in time), share (the client has exceeded its share of a short budget), or the rule that refused the request.",
	}, []string{"shop", "outcome"})
	matches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_waf_matches_total",
		Help: "Rules that fired on refused requests, by rule number.",
	}, []string{"shop", "rule"})
	scores = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "theriac_waf_score",
		Help:    "Anomaly scores of inspected requests. A score just below the threshold is one rule away from a refusal.",
		Buckets: []float64{0, 2, 4, 9, 19},
	}, []string{"shop"})
	seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "theriac_waf_seconds",
		Help:    "CPU time of one request inspection.",
		Buckets: []float64{.001, .005, .02, .1, .5},
	}, []string{"shop"})
	sifted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_waf_sieve_total",
		Help: "Requests that the sieve was asked about, by the rules that had to run: whole (all), reduced (those that may match), clean (none).",
	}, []string{"shop", "run"})
	audits = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_waf_sieve_audits_total",
		Help: "Verdicts of the sieve that all rules have checked, by result: checked (all of them), differs (it was wrong), fault (it has panicked).",
	}, []string{"shop", "result"})
	opened = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_waf_sieve_open_total",
		Help: "Rules that the sieve could not prove silent, by rule number.",
	}, []string{"shop", "rule"})
)

// refusals is the closed list of rules that can refuse a request.
var refusals = []string{"busy", "share", "crs", "leak", "engine", "broken", "ambiguous", "encoded", "body", "cookies", "arguments", "parts", "text", "depth"}

// series are the metrics of one shop, looked up once instead of on each request.
type series struct {
	shop                   string
	clean, skipped, shadow *metric.Counter
	refused                map[string]*metric.Counter // by rule
	scores, seconds        *metric.Histogram

	sifted                  [clean + 1]*metric.Counter // by way
	checked, differs, fault *metric.Counter            // of the sieve
}

var seriesOf = metric.PerShop(func(id shop.ID) *series {
	of := func(outcome string) *metric.Counter { return metric.NewCounter(outcomes, string(id), outcome) }
	s := &series{
		shop: string(id), clean: of("clean"), skipped: of("skipped"), shadow: of("shadow"),
		refused: make(map[string]*metric.Counter), scores: metric.NewHistogram(scores, string(id)), seconds: metric.NewHistogram(seconds, string(id)),
	}
	for _, rule := range refusals {
		s.refused[rule] = of(rule)
	}
	for way, run := range ways {
		s.sifted[way] = metric.NewCounter(sifted, string(id), run)
	}
	audit := func(result string) *metric.Counter { return metric.NewCounter(audits, string(id), result) }
	s.checked, s.differs, s.fault = audit("checked"), audit("differs"), audit("fault")
	return s
})

// matched counts the rules of a finding.
func (s *series) matched(found *finding) {
	for _, m := range found.matched {
		matches.WithLabelValues(s.shop, strconv.Itoa(m.Rule)).Inc()
	}
}

// open counts a rule that the sieve could not prove silent.
func (s *series) open(rule int) { opened.WithLabelValues(s.shop, strconv.Itoa(rule)).Inc() }
