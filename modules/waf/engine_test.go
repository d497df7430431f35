package waf

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

func init() {
	caddy.RegisterModule(new(visitor))
}

// visitor stands for the stage without which the shield starts no shop.
type visitor struct {
	Shop shop.ID `json:"shop"`
}

func (*visitor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.waf_test_visit", New: func() caddy.Module { return new(visitor) }}
}

func (v *visitor) Provision(ctx caddy.Context) error {
	app, err := shield.AppOf(ctx)
	if err == nil {
		app.Register(v.Shop, "visit", v, nil)
	}
	return err
}

func (*visitor) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}

// load runs an edge with these handlers in this process.
func load(t *testing.T, handlers ...map[string]any) {
	t.Helper()
	var all []any
	for _, h := range handlers {
		h["handler"] = "shop_waf"
		all = append(all, map[string]any{"handler": "waf_test_visit", "shop": h["shop"]}, h)
	}
	config, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"disabled": true, "config": map[string]any{"persist": false}},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"level": "ERROR"}}},
		"apps": map[string]any{"http": map[string]any{"servers": map[string]any{"shops": map[string]any{
			"routes": []any{map[string]any{"handle": all}},
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
}

// TestShopsShareAnEngine: tuning builds none, a file with rules builds one, and
// so does another content of it; an engine that is not used any more is gone.
func TestShopsShareAnEngine(t *testing.T) {
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	rules := filepath.Join(t.TempDir(), "rules.conf")
	write := func(rule string) {
		t.Helper()
		if err := os.WriteFile(rules, []byte(rule), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain := func(threshold int) map[string]any { return map[string]any{"shop": "loewen", "threshold": threshold} }
	strict := map[string]any{
		"shop": "sonnen", "paranoia": 2, "methods": []string{"GET"}, "bounds": map[string]any{"arguments": 10},
		"exclusions": []any{map[string]any{"rule": "942100", "target": "ARGS:q"}},
	}
	own := map[string]any{"shop": "stern", "rules": []string{rules}}
	other := map[string]any{"shop": "mond", "rules": []string{rules}}
	write(`SecRule ARGS "@streq a" "id:1000,phase:2,deny"`)
	for _, step := range []struct {
		name          string
		before        func()
		handlers      []map[string]any
		built, living int
	}{
		{"one shop", nil, []map[string]any{plain(5)}, 1, 1},
		{"another one, tuned", nil, []map[string]any{plain(5), strict}, 0, 1},
		{"the first one changed", nil, []map[string]any{plain(6), strict}, 0, 1},
		{"a third with a file", nil, []map[string]any{plain(6), strict, own}, 1, 2},
		{"a fourth with the same file", nil, []map[string]any{plain(6), strict, own, other}, 0, 2},
		{"nothing changed", nil, []map[string]any{plain(6), strict, own, other}, 0, 2},
		{"another content", func() { write(`SecRule ARGS "@streq b" "id:1000,phase:2,deny"`) }, []map[string]any{plain(6), strict, own, other}, 1, 2},
		{"no file any more", nil, []map[string]any{plain(6)}, 0, 1},
	} {
		before := built.Load()
		if step.before != nil {
			step.before()
		}
		load(t, step.handlers...)
		living := 0
		engines.Range(func(any, any) bool {
			living++
			return true
		})
		if got := int(built.Load() - before); got != step.built || living != step.living {
			t.Errorf("%s: built %d engines and %d are there, want %d and %d", step.name, got, living, step.built, step.living)
		}
	}
}
