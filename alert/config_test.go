package alert

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// TestConfig: what is refused, in which words, and with what to try. No error tells a secret.
func TestConfig(t *testing.T) {
	hook := func(change func(*Webhook)) Config {
		w := Webhook{Name: "ops", URL: "https://hooks.example" + secretPath + "?" + secretQuery}
		change(&w)
		return Config{Webhooks: []Webhook{w}}
	}
	letter := func(change func(*Mail)) Config {
		m := Mail{Host: "mail.example", Username: "alice", Password: "correct-horse", From: "t@host.example", To: []string{"a@host.example"}}
		change(&m)
		return Config{Mails: []Mail{m}}
	}
	for name, step := range map[string]struct {
		config Config
		want   string
	}{
		"a webhook":                {hook(func(*Webhook) {}), ""},
		"http on loopback":         {hook(func(w *Webhook) { w.URL = "http://127.0.0.1:9/x" }), ""},
		"Alertmanager by http":     {hook(func(w *Webhook) { w.URL, w.Format = "http://monitor.example:9093", "alertmanager" }), ""},
		"PagerDuty needs no URL":   {hook(func(w *Webhook) { w.URL, w.Format, w.RoutingKey = "", "pagerduty", routingKey }), ""},
		"a mail":                   {letter(func(*Mail) {}), ""},
		"an unknown format":        {hook(func(w *Webhook) { w.Format = "discord" }), `alert receiver "ops": unrecognized format "discord": want alertmanager, pagerduty, slack, teams, theriac`},
		"a name with a blank":      {hook(func(w *Webhook) { w.Name = "on call" }), `alert receiver "on call": invalid name: want 1 to 40 of a-z, 0-9 and '-'`},
		"no URL":                   {hook(func(w *Webhook) { w.URL = "" }), `alert receiver "ops": invalid URL`},
		"a URL without scheme":     {hook(func(w *Webhook) { w.URL = "hooks.example" + secretPath }), `alert receiver "ops": invalid URL`},
		"a URL that breaks":        {hook(func(w *Webhook) { w.URL = "https://hooks.example/%zz" + secretPath }), `alert receiver "ops": invalid URL`},
		"http over the network":    {hook(func(w *Webhook) { w.URL = "http://hooks.example" + secretPath }), `alert receiver "ops": URL is not https: its path and the alerts would be readable on the way`},
		"a secret in plain text":   {hook(func(w *Webhook) { w.Secrets = []string{"MYSECRET!"} }), `alert receiver "ops": a secret must be base64, with whsec_ in front or without`},
		"a short secret":           {hook(func(w *Webhook) { w.Secrets = []string{"U0VDUkVU"} }), `alert receiver "ops": a secret must have 24 to 64 bytes in base64`},
		"PagerDuty without a key":  {hook(func(w *Webhook) { w.Format = "pagerduty" }), `alert receiver "ops": invalid routing key: want 32 letters and digits`},
		"a key without PagerDuty":  {hook(func(w *Webhook) { w.RoutingKey = routingKey }), `alert receiver "ops": a routing key is for PagerDuty only`},
		"Alertmanager without end": {hook(func(w *Webhook) { w.Format, w.On = "alertmanager", []Kind{Opened} }), `alert receiver "ops": format alertmanager needs the kind over: nothing else ends its alerts`},
		"a timeout of a minute":    {hook(func(w *Webhook) { w.Timeout = Duration(time.Minute) }), `alert receiver "ops": invalid timeout 1m0s: want more than 0s and at most 30s`},
		"no such file":             {hook(func(w *Webhook) { w.CAFile = "missing.pem" }), `alert receiver "ops": reading ca_file: open missing.pem: no such file or directory`},
		"a file of something else": {hook(func(w *Webhook) { w.CAFile = "config_test.go" }), `alert receiver "ops": ca_file config_test.go has no certificate`},
		"the same name twice":      {Config{Webhooks: append(hook(func(*Webhook) {}).Webhooks, hook(func(*Webhook) {}).Webhooks...)}, `alert receiver "ops": duplicate receiver`},
		"a mail of the same name":  {Config{Webhooks: hook(func(w *Webhook) { w.Name = "mail" }).Webhooks, Mails: letter(func(*Mail) {}).Mails}, `alert receiver "mail": duplicate receiver`},
		"dead letters nowhere":     {Config{DeadLetters: "missing/dead.jsonl"}, `finding the folder of dead letters: stat missing: no such file or directory`},
		"dead letters in a file":   {Config{DeadLetters: "config.go/dead.jsonl"}, `the folder of dead letters, config.go, is a file`},
		"no server":                {letter(func(m *Mail) { m.Host = "" }), `alert receiver "mail": invalid host`},
		"a port out of range":      {letter(func(m *Mail) { m.Port = 70_000 }), `alert receiver "mail": invalid port 70000`},
		"no TLS":                   {letter(func(m *Mail) { m.TLS = "none" }), `alert receiver "mail": unrecognized tls "none": want starttls or implicit`},
		"a user without password":  {letter(func(m *Mail) { m.Password = "" }), `alert receiver "mail": user without password, or password without user`},
		"no sender":                {letter(func(m *Mail) { m.From = "oncall" }), `alert receiver "mail": invalid sender`},
		"no recipient":             {letter(func(m *Mail) { m.To = nil }), `alert receiver "mail": 0 recipients: want 1 to 20`},
		"a broken recipient":       {letter(func(m *Mail) { m.To = []string{"a@host.example", "b\r\nBcc: c@host.example"} }), `alert receiver "mail": invalid recipient 2`},
	} {
		_, err := New(step.config, "fra-1", Hooks{})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != step.want {
			t.Errorf("%s: %q, want %q", name, got, step.want)
		}
		noSecret(t, got, hint.Of(err))
	}
}

// TestJSON: the configuration is read by the names of its comments.
func TestJSON(t *testing.T) {
	const text = `{"webhooks":[{"name":"chat","url":"https://hooks.example/x","format":"slack","on":["opened","over"],"timeout":"3s"}],"dead_letters":"dead.jsonl"}`
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if back, err := json.Marshal(c); err != nil || string(back) != text {
		t.Errorf("%s, %v; want %s", back, err, text)
	}
	for bad, want := range map[string]string{
		`{"webhooks":[{"on":["begun"]}]}`:    `unrecognized kind of alert "begun": want opened, escalated, effective, over, missed_target, edge_strained, store_lost`,
		`{"webhooks":[{"on":["test"]}]}`:     `unrecognized kind of alert "test"`,
		`{"webhooks":[{"timeout":"often"}]}`: `invalid duration "often"`,
	} {
		if err := json.Unmarshal([]byte(bad), &c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
}

// TestUnknownReceiver: a test names the receivers that there are.
func TestUnknownReceiver(t *testing.T) {
	alerts := open(t, Config{Webhooks: []Webhook{{URL: "http://127.0.0.1:9"}, {Name: "chat", URL: "https://hooks.example", Format: "slack"}}}, Hooks{})
	_, err := alerts.Test(context.Background(), "pager")
	if err == nil || err.Error() != `unknown alert receiver "pager"` || hint.Of(err) != "use one of theriac, chat" {
		t.Errorf("%v, try: %s", err, hint.Of(err))
	}
}
