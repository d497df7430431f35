package shield

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestPlainAddr: an IPv4 client is the same in each form in which it arrives.
func TestPlainAddr(t *testing.T) {
	setTranslators([]netip.Prefix{netip.MustParsePrefix("2001:db8:64::/96")})
	defer setTranslators(nil)
	for sent, want := range map[string]string{
		"192.0.2.1":                 "192.0.2.1",
		"::ffff:192.0.2.1":          "192.0.2.1",
		"64:ff9b::192.0.2.1":        "192.0.2.1",
		"2001:db8:64::192.0.2.1":    "192.0.2.1",
		"2001:db8:64:0:1::1":        "2001:db8:64:0:1::1",
		"64:ff9b:1::192.0.2.1":      "64:ff9b:1::c000:201",
		"2001:db8:65::192.0.2.1":    "2001:db8:65::c000:201",
		"fe80::1%eth0":              "fe80::1",
		"2001:db8::1":               "2001:db8::1",
		"64:ff9b:0:1::192.0.2.1":    "64:ff9b:0:1::c000:201",
		"64:ff9b:0:0:0:0:192.0.2.1": "192.0.2.1",
	} {
		if got := PlainAddr(netip.MustParseAddr(sent)); got.String() != want {
			t.Errorf("%s is %s, want %s", sent, got, want)
		}
	}
	addr := netip.MustParseAddr("64:ff9b::192.0.2.1")
	if n := testing.AllocsPerRun(10, func() { PlainAddr(addr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	table := PrefixTable([]netip.Prefix{netip.MustParsePrefix("64:ff9b::192.0.2.0/120")})
	if !table.Contains(netip.MustParseAddr("192.0.2.7")) || table.Contains(netip.MustParseAddr("192.0.3.7")) {
		t.Error("a prefix behind the translator is not that of its clients")
	}
}

// TestAddressesInBrackets, which Caddy cannot read without a port. caddy is what it takes
// for the client instead.
func TestAddressesInBrackets(t *testing.T) {
	const peer = "198.51.100.1"
	for name, c := range map[string]struct {
		forwarded []string
		caddy     string
		direct    bool
		want      string
	}{
		"alone":               {[]string{"[2001:db8::1]"}, peer, false, "2001:db8::1"},
		"behind an invention": {[]string{"192.0.2.66, [2001:db8::1]"}, "192.0.2.66", false, "2001:db8::1"},
		"before another":      {[]string{"[2001:db8::1], 192.0.2.1"}, "192.0.2.1", false, "192.0.2.1"},
		"in a line before":    {[]string{"[2001:db8::1]", "192.0.2.1"}, "192.0.2.1", false, "192.0.2.1"},
		"of a translator":     {[]string{"[64:ff9b::192.0.2.7]"}, peer, false, "192.0.2.7"},
		"with a port":         {[]string{"[2001:db8::1]:443"}, "2001:db8::1", false, "2001:db8::1"},
		"unreadable":          {[]string{"[2001:db8::x]"}, peer, false, peer},
		"not closed":          {[]string{"[2001:db8::1"}, peer, false, peer},
		"of no proxy":         {[]string{"[2001:db8::1]"}, peer, true, peer},
	} {
		r := request(c.caddy, peer, !c.direct)
		server := &caddyhttp.Server{ClientIPHeaders: []string{"X-Forwarded-For"}}
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.ServerCtxKey, server))
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := ClientAddr(r); got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := ClientAddr(httptest.NewRequest("GET", "/", nil)); got.IsValid() {
		t.Errorf("%s without Caddy", got)
	}
}

func TestNAT64Prefixes(t *testing.T) {
	for text, valid := range map[string]bool{
		"2001:db8:64::/96": true, "2001:db8:64::/96 2001:db8:65::/96": true,
		"": false, "2001:db8:64::/64": false, "192.0.2.0/24": false, "x": false, "2001:db8::1": false,
	} {
		a := new(App)
		d := caddyfile.NewTestDispenser("nat64 " + text)
		d.Next()
		if err := a.readNAT64(d); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
	if checkNAT64([]netip.Prefix{netip.MustParsePrefix("2001:db8:64::1/96")}) == nil {
		t.Error("a prefix with more bits is taken from JSON")
	}
}
