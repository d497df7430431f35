package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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

// TestAlertmanagerLabels: an alert ends by the labels that Alertmanager has taken, not by those
// of a try that failed; what another edge opened keeps the labels that its alert has.
func TestAlertmanagerLabels(t *testing.T) {
	encode := newAlertmanager(nil, "fra-1")
	now := opened().At.Add(time.Hour)
	said := func(taken, repeated bool, events ...Event) (labels []string) {
		for i, e := range events {
			events[i] = e.bounded(now)
		}
		m := newMessage(events...)
		m.repeated = repeated
		list, done := encode(m, now)
		for _, a := range list.([]alertmanagerAlert) {
			state := "open"
			if !a.EndsAt.After(now) {
				state = "ended"
			}
			labels = append(labels, a.Labels["incident"][9:]+" "+a.Labels["severity"]+" "+state)
		}
		if taken {
			done()
		}
		return labels
	}
	with := func(e Event, s Severity) Event {
		e.Severity = s
		return e
	}
	for _, step := range []struct {
		what string
		got  []string
		want []string
	}{
		{"a try that failed", said(false, false, with(change(1, Opened), Error)), []string{"1 error open"}},
		{"the next one", said(true, false, with(change(1, Opened), Warning)), []string{"1 warning open"}},
		{"repeated with another severity", said(true, true, with(change(1, Opened), Info)), []string{"1 warning open"}},
		{"escalated, but not taken", said(false, false, with(change(1, Escalated), Critical)), []string{"1 warning ended", "1 critical open"}},
		{"escalated", said(true, false, with(change(1, Escalated), Critical)), []string{"1 warning ended", "1 critical open"}},
		{"over, but not taken", said(false, false, with(change(1, Over), Info)), []string{"1 critical ended"}},
		{"over", said(true, false, with(change(1, Over), Info)), []string{"1 critical ended"}},
		{"what another edge opened", said(true, true, with(change(2, Opened), Error)), []string{"2 error open"}},
		{"and is over here", said(true, false, with(change(2, Over), Info)), []string{"2 error ended"}},
		{"opened and over at once", said(true, false, with(change(3, Opened), Error), with(change(3, Over), Info)), []string{"3 info ended"}},
	} {
		if !slices.Equal(step.got, step.want) {
			t.Errorf("%s: %q, want %q", step.what, step.got, step.want)
		}
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
