package waf

import (
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// TestValidate: what cannot work is refused with its name and its value.
func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		handler *Handler
		want    string // a part of the error; "" if there is none
	}{
		"the preset":           {&Handler{Shop: "loewen"}, ""},
		"all at their limits":  {&Handler{Shop: "loewen", Paranoia: 4, Threshold: 1, Concurrency: 1, Time: caddy.Duration(time.Millisecond), Bounds: Bounds{Body: 128 << 20}}, ""},
		"no shop":              {&Handler{}, "shop_waf: "},
		"paranoia 5":           {&Handler{Shop: "loewen", Paranoia: 5}, "invalid paranoia 5: want 1 to 4"},
		"negative paranoia":    {&Handler{Shop: "loewen", Paranoia: -1}, "invalid paranoia -1"},
		"negative threshold":   {&Handler{Shop: "loewen", Threshold: -5}, "invalid threshold -5: want at least 1"},
		"negative concurrency": {&Handler{Shop: "loewen", Concurrency: -1}, "invalid concurrency -1: want at least 1"},
		"hardly any time":      {&Handler{Shop: "loewen", Time: 999_999}, "invalid time 999.999µs: want at least 1ms"},
		"a body too large":     {&Handler{Shop: "loewen", Bounds: Bounds{Body: 128<<20 + 1}}, "body and text can be at most 128 MiB"},
		"a text too large":     {&Handler{Shop: "loewen", Bounds: Bounds{Text: 128<<20 + 1}}, "body and text can be at most 128 MiB"},
		"another sieve":        {&Handler{Shop: "loewen", Sieve: "fine"}, `invalid sieve "fine": want on or off`},
		"no audits":            {&Handler{Shop: "loewen", SieveAudit: -1}, "invalid sieve audit -1: want at least 1"},
		"off and in shadow":    {&Handler{Shop: "loewen", Off: true, Shadow: true}, "off and shadow exclude each other"},
	} {
		c.handler.fillDefaults()
		_ = newBudget(c.handler.Concurrency, c.handler.Time) // as it is provisioned before
		switch err := c.handler.Validate(); {
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
