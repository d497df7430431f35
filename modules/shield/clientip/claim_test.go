package clientip

import (
	"context"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestWhatIsClaimed: an address that another follows, where Caddy takes the first one.
func TestWhatIsClaimed(t *testing.T) {
	const client, peer = "192.0.2.1", "198.51.100.1"
	for name, c := range map[string]struct {
		forwarded []string
		strict    int
		direct    bool
		want      bool
	}{
		"the only one":               {forwarded: []string{client}},
		"with a port":                {forwarded: []string{client + ":4711"}},
		"before another":             {forwarded: []string{client + ", 203.0.113.9"}, want: true},
		"in a line before another":   {forwarded: []string{client, "203.0.113.9"}, want: true},
		"before one with a port":     {forwarded: []string{client + ", [2001:db8::1]:80"}, want: true},
		"before nothing":             {forwarded: []string{client + ", "}},
		"before what cannot be read": {forwarded: []string{client + ", unknown"}, want: true},
		"twice":                      {forwarded: []string{client + ", " + client}},
		"none":                       {},
		"strict":                     {forwarded: []string{client + ", 203.0.113.9"}, strict: 1},
		"of no proxy":                {forwarded: []string{client + ", 203.0.113.9"}, direct: true},
	} {
		r := request(client, peer, !c.direct)
		server := &caddyhttp.Server{TrustedProxiesStrict: c.strict, ClientIPHeaders: []string{"X-Forwarded-For"}}
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.ServerCtxKey, server))
		r.Header["X-Forwarded-For"] = c.forwarded
		addr := Of(r)
		if got := IsClaimed(r, addr); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if n := testing.AllocsPerRun(10, func() { IsClaimed(r, addr) }); n != 0 && name == "the only one" {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
