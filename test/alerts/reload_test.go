package alerts

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a Caddyfile may name

	"github.com/theriac-edge/theriac/alert"
	_ "github.com/theriac-edge/theriac/modules" // the edge
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// loadHere brings a configuration into force in this process, and returns its app.
func loadHere(t *testing.T, settings, site string) *shield.App {
	t.Helper()
	text := strings.NewReplacer("{$ADMIN}", "off", "{$PORT}", kit.PortOf(need.Addr(t))).Replace(kit.Global(settings) + kit.Site(kit.AnyHost, site))
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatal(err)
	}
	app, err := caddy.ActiveContext().AppIfConfigured("shield")
	if err != nil {
		t.Fatal(err)
	}
	return app.(*shield.App)
}

// one keeps the edges of this process apart: Caddy has one configuration.
var one sync.Mutex

// inProcess is for a test that loads an edge, and stops it in the end.
func inProcess(t *testing.T) {
	t.Helper()
	one.Lock()
	t.Cleanup(func() {
		stop(t)
		one.Unlock()
	})
}

func stop(t *testing.T) {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// hooks is the option for receivers with a signature, by name.
func hooks(more string, all ...*receiver) string {
	var b strings.Builder
	for i, r := range all {
		fmt.Fprintf(&b, "\ttheriac %s {\n\t\tname hook-%d\n\t\tsecret whsec_%s\n\t}\n", r.url, i+1, signingKey)
	}
	return "alerts {\n" + b.String() + more + "}\n"
}

func opened(incident string) alert.Event {
	return alert.Event{Incident: incident, Kind: alert.Opened, Severity: alert.Critical, Shop: "loewen", ShopName: "Löwen Apotheke", Level: 2}
}

// TestReload: while an alert waits for a receiver that is down, the configuration changes: what
// waits comes once, whether the receivers change or not.
func TestReload(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]bool{"the same receivers": false, "one receiver more": true} {
		t.Run(name, func(t *testing.T) {
			inProcess(t)
			hook, added := newReceiver(t), newReceiver(t)
			hook.answer(http.StatusServiceUnavailable)
			app := loadHere(t, hooks("", hook), "shield loewen")
			app.Alert(opened("one"))
			kit.Eventually(t, 10*time.Second, "a first try", func() bool { tries, _ := hook.seen(); return tries > 0 })
			hook.answer(0)
			next := hooks("", hook)
			if others {
				next = hooks("", hook, added)
			}
			app = loadHere(t, next, "shield loewen\nheader X-New 1")
			app.Alert(opened("two"))
			kit.Eventually(t, 20*time.Second, "two alerts", func() bool { _, took := hook.seen(); return len(took) >= 2 })
			app.Alert(opened("two"))
			stop(t) // gives what waits one more try
			if _, took := hook.seen(); !slices.Equal(took, []string{"opened one", "opened two"}) {
				t.Errorf("the receiver took %q, want each once", took)
			}
			want := map[bool][]string{true: {"opened two"}, false: nil}[others]
			if _, took := added.seen(); !slices.Equal(took, want) {
				t.Errorf("the receiver that was added took %q, want %q", took, want)
			}
		})
	}
}

// TestSecretIsReadAgain: a key that changes in its file signs within seconds, without a reload.
func TestSecretIsReadAgain(t *testing.T) {
	t.Parallel()
	inProcess(t)
	hook := newReceiver(t)
	file := filepath.Join(t.TempDir(), "secret")
	write(t, file, "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgMTI=\n")
	app := loadHere(t, "alerts {\n\ttheriac "+hook.url+" {\n\t\tsecret {file."+file+"}\n\t}\n}\n", "shield loewen")
	if _, err := app.TestAlert(t.Context(), "theriac"); err == nil {
		t.Error("the control: another key is taken")
	}
	write(t, file, "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgMTI=\n"+signingKey+"\n")
	kit.Eventually(t, 20*time.Second, "the new key signs", func() bool {
		_, err := app.TestAlert(t.Context(), "theriac")
		return err == nil
	})
	write(t, file, "SECRET\n")
	kit.Eventually(t, 20*time.Second, "the file is reported", func() bool { return len(app.Unusable()) == 1 })
	if said := app.Unusable()[0]; strings.Contains(said, "SECRET") || !strings.Contains(said, `alerts: alert receiver "theriac": a secret must`) {
		t.Errorf("reported as %q", said)
	}
	if _, err := app.TestAlert(t.Context(), "theriac"); err != nil {
		t.Errorf("what was read before is not in force: %v", err)
	}
}

// TestTierSendsOnce: what one edge has sent another does not send, unless the store is lost.
func TestTierSendsOnce(t *testing.T) {
	t.Parallel()
	inProcess(t)
	redis, hook := need.Redis(t), newReceiver(t)
	edge := func(node string) *shield.App {
		return loadHere(t, "node "+node+"\nsecret "+kit.Secret+"\nredis redis://"+redis.Addr+"\n"+hooks("", hook), "shield loewen")
	}
	shared := func(app *shield.App, want bool) {
		kit.Eventually(t, 20*time.Second, fmt.Sprintf("shared: %v", want), func() bool { return app.Store().Status().Shared == want })
	}
	sent := func(want ...string) {
		t.Helper()
		kit.Eventually(t, 20*time.Second, fmt.Sprintf("%q", want), func() bool { _, took := hook.seen(); return len(took) >= len(want) })
		if _, took := hook.seen(); !slices.Equal(took, want) {
			t.Errorf("the receiver took %q, want %q", took, want)
		}
	}
	app := edge("a")
	shared(app, true)
	app.Alert(opened("one"))
	sent("opened one")
	app = edge("b")
	shared(app, true)
	app.Alert(opened("one"))
	app.Alert(opened("two")) // after it
	sent("opened one", "opened two")
	redis.Kill()
	app = edge("c")
	app.Alert(opened("two"))
	sent("opened one", "opened two", "opened two")
}
