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
		"paranoia 5":           {&Handler{Shop: "loewen", Paranoia: 5}, "paranoia is 5; it goes from 1 to 4"},
		"negative paranoia":    {&Handler{Shop: "loewen", Paranoia: -1}, "paranoia is -1"},
		"negative threshold":   {&Handler{Shop: "loewen", Threshold: -5}, "threshold is -5; it must be at least 1"},
		"negative concurrency": {&Handler{Shop: "loewen", Concurrency: -1}, "concurrency is -1; it must be at least 1"},
		"hardly any time":      {&Handler{Shop: "loewen", Time: 999_999}, "time is 999.999µs; it must be at least 1ms"},
		"a body too large":     {&Handler{Shop: "loewen", Bounds: Bounds{Body: 128<<20 + 1}}, "body and text go up to 128 MiB"},
		"a text too large":     {&Handler{Shop: "loewen", Bounds: Bounds{Text: 128<<20 + 1}}, "body and text go up to 128 MiB"},
		"off and in shadow":    {&Handler{Shop: "loewen", Off: true, Shadow: true}, "it cannot be off and in shadow"},
	} {
		c.handler.fillDefaults()
		_ = newBudget(c.handler.Concurrency, c.handler.Time) // as it is provisioned before
		switch err := c.handler.Validate(); {
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
