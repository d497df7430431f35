package process

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

func init() { caddy.RegisterModule(listener{}) }

// heard are the events of the app shield in this process's edge.
var heard = make(chan caddy.Event, 16)

// listener is an event handler that passes on what it hears.
type listener struct{}

// CaddyModule says how Caddy finds the listener.
func (listener) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.test_listener", New: func() caddy.Module { return new(listener) }}
}

// Handle is called for each event.
func (listener) Handle(_ context.Context, e caddy.Event) error {
	heard <- e
	return nil
}

// document is a configuration as Caddy loads it.
type document struct {
	Admin   json.RawMessage `json:"admin"`
	Logging json.RawMessage `json:"logging"`
	Apps    map[string]any  `json:"apps"`
}

// TestEventsTellOfTheStore: lost and back, once each, with a reason, and no
// less after a reload that failed.
func TestEventsTellOfTheStore(t *testing.T) {
	need.Time(t)
	redis := need.Redis(t)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(strings.ReplaceAll(
		kit.Global("node a\nsecret only-for-tests-on-loopback\nredis redis://"+redis.Addr)+
			kit.Site(":"+kit.PortOf(need.Addr(t)), "shield loewen"), "{$ADMIN}", "off")), nil)
	if err != nil {
		t.Fatal(err)
	}
	var config document
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	config.Logging = json.RawMessage(`{"logs":{"default":{"level":"FATAL"}}}`)
	config.Apps["events"] = json.RawMessage(`{"subscriptions":[{"events":["store_lost","store_back"],"modules":["shield"],` +
		`"handlers":[{"handler":"test_listener"}]}]}`)
	if adapted, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatal(err)
	}
	defer stopHere(t)
	next := func(want, reason string) {
		t.Helper()
		select {
		case e := <-heard:
			if got, _ := e.Data["reason"].(string); e.Name() != want || !strings.Contains(got, reason) || e.Data["node"] != "a" {
				t.Errorf("event %s with %v, want %s because %q", e.Name(), e.Data, want, reason)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("no event %s", want)
		}
	}
	next("store_back", "")
	if err := caddy.Load(withTakenPort(t, adapted), true); err == nil {
		t.Error("a configuration that cannot listen was taken")
	}
	redis.Kill()
	next("store_lost", "nothing listens there")
	redis.Restart()
	next("store_back", "")
	time.Sleep(time.Second)
	if len(heard) > 0 {
		t.Errorf("%d more events", len(heard))
	}
}

// withTakenPort is a configuration that fails when it starts, after its app
// shield has been made.
func withTakenPort(t *testing.T, config []byte) []byte {
	t.Helper()
	taken, err := net.Listen("tcp", need.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	var loaded document
	if err := json.Unmarshal(config, &loaded); err != nil {
		t.Fatal(err)
	}
	http := loaded.Apps["http"].(map[string]any)
	http["servers"].(map[string]any)["taken"] = map[string]any{"listen": []string{taken.Addr().String()}}
	failing, err := json.Marshal(loaded)
	if err != nil {
		t.Fatal(err)
	}
	return failing
}

// Interface guards.
var _ caddyevents.Handler = listener{}
