package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
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
	adapted := listening(t, "node a\nsecret only-for-tests-on-loopback\nredis redis://"+redis.Addr, "store_lost", "store_back")
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

// listening starts an edge in this process whose events of these names are heard.
func listening(t *testing.T, settings string, events ...string) (config []byte) {
	t.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(strings.ReplaceAll(
		kit.Global(settings)+kit.Site(":"+kit.PortOf(need.Addr(t)), "shield loewen"), "{$ADMIN}", "off")), nil)
	if err != nil {
		t.Fatal(err)
	}
	var loaded document
	if err := json.Unmarshal(adapted, &loaded); err != nil {
		t.Fatal(err)
	}
	loaded.Logging = json.RawMessage(`{"logs":{"default":{"level":"FATAL"}}}`)
	loaded.Apps["events"] = map[string]any{"subscriptions": []any{map[string]any{
		"events": events, "modules": []string{"shield"}, "handlers": []any{map[string]string{"handler": "test_listener"}},
	}}}
	if config, err = json.Marshal(loaded); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopHere(t) })
	return config
}

// TestEventsTellOfLevels: one event for each change of the level that holds, with its source and
// reason, and none for what changes nothing.
func TestEventsTellOfLevels(t *testing.T) {
	listening(t, "node a", "level")
	found, err := caddy.ActiveContext().AppIfConfigured("shield")
	if err != nil {
		t.Fatal(err)
	}
	app, ctx := found.(*shield.App), t.Context()
	watched := func(level shop.Level) error { return app.SetWatched(ctx, "loewen", level, time.Time{}) }
	for i, c := range []struct {
		do   func() error
		want string // empty: no event
	}{
		{func() error { return app.SetWhy(ctx, "loewen", levels.Why{Reason: "foreign", Words: "many strangers"}) }, ""},
		{func() error { return watched(2) }, "0 to 2 by watch: many strangers"},
		{func() error { return watched(2) }, ""},
		{func() error { return app.Pin(ctx, "loewen", levels.Pin{Level: 1, AtLeast: true}, time.Hour) }, ""},
		{func() error { return app.Pin(ctx, "loewen", levels.Pin{Level: 4, Why: "ticket"}, time.Hour) }, "2 to 4 by people: ticket"},
		{func() error { return watched(3) }, ""},
		{func() error { return app.Unpin(ctx, "loewen") }, "4 to 3 by watch: many strangers"},
		{func() error { return watched(0) }, "3 to 0 by watch: "},
		{func() error { return app.SetCampaign(ctx, levels.Campaign{Why: "search floods"}, time.Hour) }, "0 to 1 by campaign: search floods"},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(heard) > 0 { // events come before the call returns
			e := (<-heard).Data
			got = fmt.Sprintf("%v to %v by %v: %v", e["before"], e["level"], e["by"], e["why"])
		}
		if got != c.want || len(heard) > 0 {
			t.Errorf("step %d: event %q and %d more, want %q", i+1, got, len(heard), c.want)
		}
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
