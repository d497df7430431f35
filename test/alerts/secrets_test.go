package alerts

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestSecretsStay: what an edge says of receivers that fail, in log, status, metrics, commands
// and its configuration, has no secret of theirs.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	hook, dir := newReceiver(t), t.TempDir()
	hook.answer(http.StatusForbidden)
	for name, text := range map[string]string{"url": hook.url + "?token=QUERYSECRET", "secret": signingKey, "key": strings.Repeat("KEYS", 8), "password": "PASSWORDSECRET"} {
		write(t, filepath.Join(dir, name), text+"\n")
	}
	file := func(name string) string { return "{file." + filepath.Join(dir, name) + "}" }
	e := edge.Start(t, kit.Global("alerts {\n\ttheriac "+file("url")+" {\n\t\tsecret "+file("secret")+"\n\t}\n"+
		"\tpagerduty "+hook.url+" {\n\t\trouting_key "+file("key")+"\n\t}\n"+
		"\tmail a@host.example {\n\t\tserver 127.0.0.1:"+kit.PortOf(need.Addr(t))+"\n\t\tfrom a@host.example\n\t\tusername alice\n\t\tpassword "+file("password")+"\n\t}\n}\n")+
		kit.Site(kit.AnyHost, "shield loewen"))
	said, err := kit.Shield(t, e, "alerts", "test", "--why", "ticket 4711")
	for _, want := range []string{
		"theriac did NOT take it: alert receiver theriac (127.0.0.1): answered Forbidden (403)\n", "pagerduty did NOT take it: ",
		"mail did NOT take it: alert receiver mail (127.0.0.1): connection refused\n", "receivers that did not take the test: 3\n",
	} {
		if err == nil || !strings.Contains(said, want) {
			t.Errorf("%v, %s; want %q", err, said, want)
		}
	}
	table, err := kit.Shield(t, e, "alerts")
	if err != nil || !strings.Contains(table, "theriac    theriac    127.0.0.1  0        0          0     0        -\n") {
		t.Errorf("%v, %s", err, table)
	}
	unknown, err := kit.Shield(t, e, "alerts", "test", "pager")
	if err == nil || !strings.Contains(unknown, `unknown alert receiver "pager"; use one of theriac, pagerduty, mail`) {
		t.Errorf("%v, %s", err, unknown)
	}
	var status struct {
		Acts []struct{ Act, What, Why string }
	}
	e.Get(t, "/shield/status", &status)
	if len(status.Acts) != 1 || status.Acts[0] != struct{ Act, What, Why string }{"test alert", "all", "ticket 4711"} {
		t.Errorf("acts %+v, want the one that was carried out", status.Acts)
	}
	var parts []json.RawMessage
	for _, path := range []string{"/shield/status", "/shield/alerts"} {
		var raw json.RawMessage
		e.Get(t, path, &raw)
		parts = append(parts, raw)
	}
	texts := map[string]string{
		"log": e.Log(), "metrics": e.Metrics(t), "status": string(parts[0]), "alerts": string(parts[1]),
		"table": table, "test": said, "unknown": unknown,
	}
	for where, text := range texts {
		for _, secret := range []string{"SECRET", signingKey, "KEYSKEYS"} {
			if strings.Contains(text, secret) && !strings.Contains(text, secretPath) || strings.Contains(strings.ReplaceAll(text, `"url":"`+hook.url, ""), secret) {
				t.Errorf("%s has %q: %s", where, secret, text)
			}
		}
	}
	if body := strings.Join(hook.bodies, ""); !strings.Contains(body, "KEYSKEYS") {
		t.Errorf("the control: PagerDuty's key is not where it belongs: %s", body)
	}
}

// TestValidate: a configuration that could not reach anybody is refused before it starts, and
// the error has no secret.
func TestValidate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bad"), "SECRET\n")
	for about, c := range map[string]struct{ alerts, want string }{
		"a file that is missing":      {"slack {file." + dir + "/none}", `reading alerts: alert receiver "slack": reading the URL: open ` + dir + "/none: no such file or directory"},
		"a file with something else":  {"slack {file." + dir + "/bad}", `reading alerts: alert receiver "slack": invalid URL; use one such as https://hooks.example/alerts`},
		"a key that is none":          {"theriac https://hooks.example {\n\t\tsecret {file." + dir + "/bad}\n\t}", `alert receiver "theriac": a secret must be base64`},
		"a variable that is empty":    {"slack {env.THERIAC_NOWHERE}", `alert receiver "slack": reading the URL: `},
		"no such file of authorities": {"slack https://hooks.example {\n\t\tca_file " + dir + "/none\n\t}", `alert receiver "slack": reading ca_file: open `},
		"no such folder":              {"slack https://hooks.example\n\tdead_letters " + dir + "/none/dead.jsonl", "finding the folder of dead letters: stat "},
		"nothing wrong":               {"slack https://hooks.example", ""},
	} {
		config := filepath.Join(dir, "Caddyfile")
		global := strings.Replace(kit.Global("alerts {\n\t"+c.alerts+"\n}\n"), "{$ADMIN}", need.Addr(t), 1)
		write(t, config, global+kit.Site(":"+kit.PortOf(need.Addr(t)), "shield loewen"))
		said, err := edge.Run(t, "validate", "--config", config, "--adapter", "caddyfile")
		said = strings.ReplaceAll(said, `\"`, `"`)
		if (err == nil) != (c.want == "") || !strings.Contains(said, c.want) || strings.Contains(said, "SECRET") {
			t.Errorf("%s: %v, %s; want %q", about, err, said, c.want)
		}
	}
}

// TestEndIsShort: an edge that ends gives what waits one more try, and does not wait for a
// receiver that hangs.
func TestEndIsShort(t *testing.T) {
	need.Time(t)
	t.Parallel()
	hangs := make(chan struct{})
	t.Cleanup(func() { close(hangs) })
	inProcess(t)
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	addr := need.Addr(t)
	server := &http.Server{Addr: addr, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs })}
	go func() { _ = server.ListenAndServe() }()
	defer server.Close()
	app := loadHere(t, "alerts {\n\ttheriac http://"+addr+secretPath+" {\n\t\ttimeout 30s\n\t}\n\tdead_letters "+file+"\n}\n", "shield loewen")
	app.Alert(opened("one"))
	time.Sleep(time.Second)
	began := time.Now()
	stop(t)
	text, err := os.ReadFile(file)
	if took := time.Since(began); took > 20*time.Second || err != nil || !strings.Contains(string(text), `"id":"one/opened"`) {
		t.Errorf("it ended after %v, with dead letters %s, %v", took, text, err)
	}
}
