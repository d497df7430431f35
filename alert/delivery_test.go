package alert

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDelivery: a receiver that is down for a second gets five attacks as one message, which it
// knows again by its ID, and the time of the first acceptance is told once for each incident.
func TestDelivery(t *testing.T) {
	type request struct {
		header http.Header
		body   []byte
	}
	requests := make(chan request, 10)
	target := answers(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Header, body}
		if len(requests) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	accepted, outcomes := make(chan time.Time, 10), make(chan Outcome, 10)
	began := time.Now()
	alerts := open(t, Config{Webhooks: []Webhook{{Name: "chat", URL: target, Format: "slack", Secrets: []string{key1}}}}, Hooks{
		Outcome:  func(_ string, o Outcome, _ int, _ error) { outcomes <- o },
		Accepted: func(_ string, at time.Time) { accepted <- at },
	})
	for i := range 5 {
		alerts.Send(change(i, Opened))
	}
	for range 5 {
		if at := <-accepted; at.Before(began.Add(time.Second)) || at.After(time.Now()) {
			t.Errorf("accepted at %v, which is %v after the alert", at, at.Sub(began))
		}
	}
	for _, want := range []Outcome{Merged, Retried, Delivered} {
		if got := <-outcomes; got != want {
			t.Errorf("outcome %v, want %v", got, want)
		}
	}
	if len(requests) != 2 {
		t.Fatalf("%d requests, want 2", len(requests))
	}
	first, second := <-requests, <-requests
	if string(first.body) != string(second.body) || first.header.Get("webhook-id") != second.header.Get("webhook-id") {
		t.Errorf("the second try has another body or webhook-id: %q, %q", first.header.Get("webhook-id"), second.header.Get("webhook-id"))
	}
	for _, r := range []request{first, second} {
		if err := slackSchema(r.body); err != nil || !verify(key1, r.header, r.body) {
			t.Errorf("not signed, or not as Slack wants it: %v", err)
		}
		if want := `{"text":"5 shops are attacked: Shop 0, Shop 1, Shop 2, Shop 3, Shop 4"`; !strings.HasPrefix(string(r.body), want) {
			t.Errorf("it says %s, want %s…", r.body, want)
		}
		if got := r.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type is %q", got)
		}
	}
}
