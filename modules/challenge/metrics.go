package challenge

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/shop"
)

// Each event of a challenge is counted once, under a name of this list. No label comes
// from a request.
var (
	outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "theriac_challenge_outcomes_total",
		Help: "Challenges by shop and outcome. returned divided by page is the share of challenged visitors that came back with a pass.",
	}, []string{"shop", "outcome"})
	solveSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "theriac_challenge_solve_seconds",
		Help:    "Time that solving took, as reported by browsers, by level.",
		Buckets: []float64{.05, .1, .2, .5, 1, 2, 5, 10, 20, 60},
	}, []string{"level"})
)

// series are a shop's outcomes, looked up once instead of on each request.
type series struct {
	page     *metric.Counter // a person was challenged
	program  *metric.Counter // a script was challenged: fetch, XHR, a socket
	shadow   *metric.Counter // would have been challenged
	passed   *metric.Counter // solved: a pass was issued
	waited   *metric.Counter // waited without JavaScript: a smaller pass was issued
	returned *metric.Counter // a new pass was used for the first time
	known    *metric.Counter // passed as a known customer
	away     *metric.Counter // a pass was used from another subnet
	usedUp   *metric.Counter // the budget of a pass was used up
	stamped  *metric.Counter // a time stamp was issued or renewed

	movedTooOften *metric.Counter // a pass was used from a third subnet
	stranger      *metric.Counter // a script was refused beyond the allowance of strangers
	stampCapped   *metric.Counter // a time stamp did not count, since its subnet had used up its share

	notificationCapped, publicCapped *metric.Counter // claims beyond their budget

	malformed, forged, wrong, expired, early, replayed, capped, cookieless *metric.Counter // answers that were refused
}

var seriesOf = metric.PerShop(func(id shop.ID) *series {
	of := func(outcome string) *metric.Counter { return metric.NewCounter(outcomes, string(id), outcome) }
	return &series{
		page: of("page"), program: of("program"), shadow: of("shadow"), passed: of("passed"), waited: of("waited"),
		returned: of("returned"), known: of("known"), away: of("away"), usedUp: of("used_up"), stamped: of("stamped"),
		malformed: of("malformed"), forged: of("forged"), wrong: of("wrong"), expired: of("expired"), early: of("early"),
		replayed: of("replayed"), capped: of("capped"), cookieless: of("cookieless"),
		movedTooOften: of("moved_too_often"), stampCapped: of("stamp_capped"), stranger: of("stranger"),
		notificationCapped: of("notification_capped"), publicCapped: of("public_capped"),
	}
})

// slowest bounds what a browser can report.
const slowest = 5 * time.Minute

var solveByLevel = func() (observers [shop.Levels]prometheus.Observer) {
	for level := range observers {
		observers[level] = solveSeconds.WithLabelValues(shop.Level(level).String()[:1])
	}
	return observers
}()

// observe records the solving time that a browser reports.
func observe(level uint8, took time.Duration) {
	if int(level) < len(solveByLevel) {
		solveByLevel[level].Observe(min(max(0, took), slowest).Seconds())
	}
}
