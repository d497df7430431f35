package outbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/alert"
)

// TestResolve: placeholders are replaced, a file may have several secrets, and the configuration
// stays as it was written.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + filepath.Join(dir, name) + "}"
	}
	t.Setenv("ALERT_KEY", "0123456789abcdef0123456789abcdef")
	c := &alert.Config{
		Webhooks: []alert.Webhook{
			{Format: "theriac", URL: file("url", "https://hooks.example/a\n"), Secrets: []string{file("secrets", "one\ntwo\n"), "three"}},
			{Format: "pagerduty", RoutingKey: "{env.ALERT_KEY}"},
		},
		Mails:       []alert.Mail{{Host: "mail.example", Username: "alice", Password: file("password", "horse"), From: "a@host.example", To: []string{"{env.ALERT_KEY}@host.example"}}},
		DeadLetters: "dead.jsonl",
	}
	want := `{"webhooks":[{"url":"https://hooks.example/a","format":"theriac","secrets":["one","two","three"]},{"format":"pagerduty","routing_key":"0123456789abcdef0123456789abcdef"}],` +
		`"mails":[{"host":"mail.example","username":"alice","password":"horse","from":"a@host.example","to":["0123456789abcdef0123456789abcdef@host.example"]}],"dead_letters":"dead.jsonl"}`
	for range 2 { // the second reads the same placeholders
		if got, err := Resolve(c); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	if !NamesFiles(c) || NamesFiles(&alert.Config{Webhooks: c.Webhooks[1:]}) {
		t.Error("which configuration is read from files is wrong")
	}
}

// TestResolveErrors: they name the receiver and the option, and no value.
func TestResolveErrors(t *testing.T) {
	for text, want := range map[string]string{
		"{file./nowhere/SECRETS}": `alert receiver "slack": reading the URL: open /nowhere/SECRETS: no such file or directory; does the file or variable exist`,
		"{env.ALERT_NOWHERE}":     `alert receiver "slack": reading the URL: `,
		"https://x/{SECRET}":      `alert receiver "slack": reading the URL: a placeholder in it is unknown or empty; a brace that is none is written \{`,
	} {
		_, err := Resolve(&alert.Config{Webhooks: []alert.Webhook{{Format: "slack", URL: text}}})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "SECRET}") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, err := Resolve(&alert.Config{Mails: []alert.Mail{{Password: "{SECRET}"}}})
	if err == nil || !strings.HasPrefix(err.Error(), `alert receiver "mail": reading the password: `) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%v", err)
	}
}
