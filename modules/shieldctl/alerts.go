package shieldctl

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/theriac-edge/theriac/alert"
	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/modules/shield"
)

// AlertsReport says where alerts go, and what has become of them.
type AlertsReport struct {
	Receivers   []ReceiverReport `json:"receivers"`
	DeadLetters *DeadLetters     `json:"dead_letters,omitempty"`
}

// ReceiverReport is one receiver of alerts. It has no secrets: of a URL it is the host.
type ReceiverReport struct {
	Name      string       `json:"name"`
	Format    string       `json:"format"`
	Host      string       `json:"host"`
	On        []alert.Kind `json:"on"`
	Waiting   int          `json:"waiting"` // in the queue, or for the next try
	Delivered int          `json:"delivered"`
	Dead      int          `json:"dead"`
	Dropped   int          `json:"dropped"`
	Last      string       `json:"last,omitempty"` // outcome; absent: nothing was sent yet
	At        time.Time    `json:"at,omitzero"`    // of the last outcome
	Why       string       `json:"why,omitempty"`  // of a last try that failed
}

// DeadLetters is the file of alerts that a receiver did not take.
type DeadLetters struct {
	File  string    `json:"file"`
	Bytes int64     `json:"bytes"` // 0: there are none
	At    time.Time `json:"at,omitzero"`
}

func alertsOf(app *shield.App) any {
	report := AlertsReport{Receivers: []ReceiverReport{}}
	for _, s := range app.AlertStatus() {
		r := ReceiverReport{
			Name: s.Name, Format: s.Format, Host: s.Host, On: s.On,
			Waiting: s.Waiting, Delivered: s.Delivered, Dead: s.Dead, Dropped: s.Dropped, At: s.At, Why: s.Why,
		}
		if !s.At.IsZero() {
			r.Last = s.Last.String()
		}
		report.Receivers = append(report.Receivers, r)
	}
	if app.Alerts != nil && app.Alerts.DeadLetters != "" {
		report.DeadLetters = &DeadLetters{File: app.Alerts.DeadLetters}
		if info, err := os.Stat(app.Alerts.DeadLetters); err == nil {
			report.DeadLetters.Bytes, report.DeadLetters.At = info.Size(), info.ModTime()
		}
	}
	return report
}

// TestRequest sends a test to receivers of alerts.
type TestRequest struct {
	Receiver string `json:"receiver,omitempty"` // default: all
	Why      string `json:"why,omitempty"`      // a note for colleagues
}

// TestResponse says which receivers took it.
type TestResponse struct {
	Results []TestResult `json:"results"`
}

// TestResult is what became of the test at one receiver.
type TestResult struct {
	Receiver string `json:"receiver"`
	Taken    bool   `json:"taken"`
	Said     string `json:"said,omitempty"` // by the receiver, without our secrets
	Why      string `json:"why,omitempty"`  // it was not taken
}

func (a *Admin) testAlerts(w http.ResponseWriter, r *http.Request) error {
	var q TestRequest
	app, err := a.readAct(w, r, &q, &q.Why)
	if err != nil {
		return err
	}
	act := audit.Act{Act: "test alert", What: cmp.Or(q.Receiver, "all"), Why: q.Why}
	return concludeAs(w, r, app, act, func(string) (any, error) { return q.carryOut(r.Context(), app) })
}

// carryOut asks all receivers at the same time: each may take as long as its timeout.
func (q *TestRequest) carryOut(ctx context.Context, app *shield.App) (done TestResponse, err error) {
	names := []string{q.Receiver}
	if q.Receiver == "" {
		names = nil
		for _, s := range app.AlertStatus() {
			names = append(names, s.Name)
		}
	}
	isKnown := func(s alert.Status) bool { return s.Name == q.Receiver }
	if len(names) == 0 || q.Receiver != "" && !slices.ContainsFunc(app.AlertStatus(), isKnown) {
		_, err := app.TestAlert(ctx, q.Receiver) // says which there are
		return done, err
	}
	done.Results = make([]TestResult, len(names))
	var running sync.WaitGroup
	for i, name := range names {
		running.Go(func() {
			said, err := app.TestAlert(ctx, name)
			done.Results[i] = TestResult{Receiver: name, Taken: err == nil, Said: said}
			if err != nil {
				done.Results[i].Why = err.Error()
			}
		})
	}
	running.Wait()
	return done, nil
}
