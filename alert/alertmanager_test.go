package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// amAlert is what Alertmanager's API tells of an alert (gettableAlert of its openapi.yaml).
type amAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	Fingerprint  string            `json:"fingerprint"`
	GeneratorURL string            `json:"generatorURL"`
	Status       struct {
		State string `json:"state"`
	} `json:"status"`
}

// TestAlertmanager: a real one knows an incident from its first alert to its end, by one
// severity at a time, and keeps it while it is open.
func TestAlertmanager(t *testing.T) {
	url := need.Alertmanager(t)
	took := make(chan Outcome, 100)
	alerts := open(t, Config{Webhooks: []Webhook{{URL: url, Format: "alertmanager"}}}, Hooks{
		Outcome: func(_ string, o Outcome, _ int, err error) {
			if err != nil {
				t.Error(err)
			}
			took <- o
		},
	})
	send := func(e Event) {
		t.Helper()
		alerts.Send(e)
		if o := <-took; o != Delivered {
			t.Fatalf("%v was %v, want it delivered", e.Kind, o)
		}
	}

	first := opened()
	first.Severity, first.Starts, first.At = Error, time.Now().Add(-time.Minute).Truncate(time.Second), time.Now()
	send(first)
	got := theOne(t, url, "error")
	want := map[string]string{"alertname": "TheriacAttack", "incident": first.Incident, "shop": "loewen", "severity": "error"}
	if fmt.Sprint(got.Labels) != fmt.Sprint(want) {
		t.Errorf("labels are %v, want %v", got.Labels, want)
	}
	notes := map[string]string{
		"summary": "Löwen Apotheke: attacked, level 2 attack", "description": first.Words, "kind": "opened", "level": "2",
		"edge": "fra-1", "details": "Peak: 2,140/s\nSources: 1,130",
	}
	if fmt.Sprint(got.Annotations) != fmt.Sprint(notes) {
		t.Errorf("annotations are %v, want %v", got.Annotations, notes)
	}
	if left := time.Until(got.EndsAt); !got.StartsAt.Equal(first.Starts) || left < 3*time.Minute || left > 6*time.Minute || got.GeneratorURL != first.Link {
		t.Errorf("it starts at %v, ends in %v, and leads to %q", got.StartsAt, left, got.GeneratorURL)
	}

	worse := first
	worse.ID, worse.Kind, worse.Severity, worse.Level = "worse", Escalated, Critical, 3
	send(worse)
	theOne(t, url, "critical")

	end := worse
	end.ID, end.Kind, end.Severity, end.Ends = "over", Over, Info, time.Now()
	send(end)
	if left := active(t, url); len(left) > 0 {
		t.Errorf("after the end %v are active", left)
	}
}

// TestAlertmanagerTest: a test reaches it, under a name of its own.
func TestAlertmanagerTest(t *testing.T) {
	url := need.Alertmanager(t)
	alerts := open(t, Config{Webhooks: []Webhook{{Name: "am", URL: url + "/", Format: "alertmanager"}}}, Hooks{})
	if said, err := alerts.Test(context.Background(), "am"); err != nil || said != "OK (200)" {
		t.Errorf("Alertmanager says %q, %v", said, err)
	}
	if got := theOne(t, url, "info"); got.Labels["alertname"] != "TheriacTest" {
		t.Errorf("the labels are %v", got.Labels)
	}
}

// theOne returns the alert that is active, of that severity.
func theOne(t *testing.T, url, severity string) amAlert {
	t.Helper()
	all := active(t, url)
	if len(all) != 1 || all[0].Labels["severity"] != severity {
		t.Fatalf("active are %+v, want one of severity %s", all, severity)
	}
	return all[0]
}

// active asks Alertmanager what is active.
func active(t *testing.T, url string) (all []amAlert) {
	t.Helper()
	answer, err := http.Get(strings.TrimSuffix(url, "/") + "/api/v2/alerts?active=true")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}
