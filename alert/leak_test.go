package alert

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNothingTold: whatever goes wrong with whichever receiver, no outcome, dead letter or test
// has a secret, an address of mail, a path or a query in it.
func TestNothingTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	quoting := answers(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Secret", r.URL.String())
		w.WriteHeader(http.StatusForbidden)
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "bad token %s %s %s, correct: %s; you sent %s", r.URL.Path, r.URL.RawQuery, r.URL, key1, body)
	})
	mailer := Mail{
		Host: "127.0.0.1", Port: closedPort(t), Username: "alice@host.example", Password: "correct-horse",
		From: "t@host.example", To: []string{"on-call@host.example"},
	}
	refusing := mailer
	refusing.Name, refusing.Port, refusing.TLS = "refusing", greeter(t), "implicit"
	config := Config{
		Webhooks: []Webhook{
			{Name: "theriac", URL: quoting, Secrets: []string{key1}},
			{Name: "slack", URL: quoting, Format: "slack", Secrets: []string{key1}},
			{Name: "teams", URL: quoting, Format: "teams", Secrets: []string{key1}},
			{Name: "pagerduty", URL: quoting, Format: "pagerduty", RoutingKey: routingKey, Secrets: []string{key1}},
			{Name: "alertmanager", URL: strings.Split(quoting, "?")[0], Format: "alertmanager", Secrets: []string{key1}},
			{Name: "closed", URL: fmt.Sprintf("http://alice:correct-horse@127.0.0.1:%d%s", closedPort(t), secretPath)},
		},
		Mails:       []Mail{mailer, refusing},
		DeadLetters: file,
	}
	var mu sync.Mutex
	var told strings.Builder
	dead := make(chan bool, 20)
	alerts, err := New(config, "fra-1", Hooks{Outcome: func(name string, o Outcome, n int, err error) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(&told, name, o, n, err)
		if o == Dead {
			dead <- true
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range alerts.workers {
		said, err := alerts.Test(context.Background(), w.name)
		if err == nil {
			t.Errorf("%s accepted a test", w.name)
		}
		noSecret(t, said, fmt.Sprint(err))
	}
	alerts.Send(opened())
	for range 5 { // the others are tried again for minutes
		<-dead
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	alerts.Close(ctx)
	letters, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(told.String(), " dead 1 "); n != 8 || strings.Count(string(letters), "\n") != 8 {
		t.Errorf("%d alerts are dead, want 8:\n%s\n%s", n, told.String(), letters)
	}
	noSecret(t, told.String(), string(letters))
}
