package outbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/hint"
)

// Total counts what became of alerts. Receivers are those of the configuration, outcomes a
// closed list.
var Total = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "theriac_alert_total",
	Help: "Alerts by receiver and outcome: delivered, dead (not taken), dropped (the queue was full), retried (a try failed) or merged (with others into one message).",
}, []string{"receiver", "outcome"})

// logEvery is how often the log has the same outcome of the same receiver. The metric has all.
const logEvery = 10 * time.Second

// outcome counts and logs what became of n alerts. The error has no secrets.
func (o *Outbox) outcome(receiver string, what alert.Outcome, n int, why error) {
	Total.WithLabelValues(receiver, what.String()).Add(float64(n))
	edge := o.edge.Load()
	if edge == nil {
		return
	}
	line, ok := o.lines.Load(receiver + " " + what.String())
	if !ok {
		line, _ = o.lines.LoadOrStore(receiver+" "+what.String(), &rate.Sometimes{Interval: logEvery})
	}
	line.(*rate.Sometimes).Do(func() { write(edge.Log, receiver, what, n, why) })
}

func write(log *zap.Logger, receiver string, what alert.Outcome, n int, why error) {
	fields := []zap.Field{zap.String("receiver", receiver), zap.Int("alerts", n)}
	if why != nil {
		fields = append(fields, zap.Error(why))
	}
	switch what {
	case alert.Delivered:
		log.Info("alert delivered", fields...)
	case alert.Retried:
		log.Warn("alert not taken yet: it is tried again", fields...)
	case alert.Dead:
		log.Error("alert not taken: it is a dead letter; `theriac shield alerts test` tries the receiver", fields...)
	case alert.Dropped:
		log.Error("alert dropped: too many wait for the receiver", fields...)
	}
}

var errNone = errors.New("no receivers of alerts are configured: name some in the global option shield, in alerts { }")

// withHint has what to try in the text of an error: Caddy shows nothing else.
func withHint(err error) error {
	if try := hint.Of(err); try != "" {
		return fmt.Errorf("%w; %s", err, try)
	}
	return err
}
