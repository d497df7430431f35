package modules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// A field that had another name before 1.0 is refused with the name that it has
// now, and one that never was a field without one.
func TestRenamedFields(t *testing.T) {
	for module, fields := range map[string]map[string]string{
		"shield":                      {"allow": "never_ban", "scrub": "scrubd", "never_was": ""},
		"http.handlers.shop_limit":    {"behind": "after_challenge", "never_was": ""},
		"caddy.listeners.shop_gate":   {"net": "subnet", "never_was": ""},
		"caddy.packetconns.shop_gate": {"net": "subnet", "never_was": ""},
	} {
		info, err := caddy.GetModule(module)
		if err != nil {
			t.Fatal(err)
		}
		for field, now := range fields {
			err := json.Unmarshal([]byte(`{"`+field+`": true}`), info.New())
			switch {
			case err == nil || !strings.Contains(err.Error(), `unknown field "`+field+`"`):
				t.Errorf("%s, field %q: %v, want that it is unknown", module, field, err)
			case now != "" && !strings.HasSuffix(err.Error(), `it is called "`+now+`" now`):
				t.Errorf("%s, field %q: %v, want the name %q", module, field, err, now)
			case now == "" && strings.Contains(err.Error(), "is called"):
				t.Errorf("%s, field %q: %v, want no other name", module, field, err)
			}
		}
	}
}

// A field that watch does not have is refused, of all shops and of one.
func TestUnknownFieldsOfWatch(t *testing.T) {
	for _, module := range []string{"shield", "http.handlers.shop_visit"} {
		for text, want := range map[string]string{
			`{"watch": {"mode": "shadow", "floor": {"page": "20/s"}}}`: "",
			`{"watch": {"mode": "shadow", "ceiling": {}}}`:             `unknown field "ceiling"`,
			`{"watch": {"floor": {"page": "20"}}}`:                     `invalid rate "20"`,
		} {
			info, err := caddy.GetModule(module)
			if err != nil {
				t.Fatal(err)
			}
			err = caddy.StrictUnmarshalJSON([]byte(text), info.New()) // as Caddy reads modules
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: %s: %v, want %q", module, text, err, want)
			}
		}
	}
}
