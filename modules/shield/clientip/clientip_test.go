package clientip

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestPlainAddr: an IPv4 client is the same in each form in which it arrives.
func TestPlainAddr(t *testing.T) {
	SetTranslators([]netip.Prefix{netip.MustParsePrefix("2001:db8:64::/96")})
	defer SetTranslators(nil)
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
		if got := Plain(netip.MustParseAddr(sent)); got.String() != want {
			t.Errorf("%s is %s, want %s", sent, got, want)
		}
	}
	addr := netip.MustParseAddr("64:ff9b::192.0.2.1")
	if n := testing.AllocsPerRun(10, func() { Plain(addr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	table := Table([]netip.Prefix{netip.MustParsePrefix("64:ff9b::192.0.2.0/120")})
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
		if got := Of(r); got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := Of(httptest.NewRequest("GET", "/", nil)); got.IsValid() {
		t.Errorf("%s without Caddy", got)
	}
}

// request is one that Caddy says comes from client, over a connection of peer.
func request(client, peer string, proxy bool) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(peer), 1234).String()
	vars := map[string]any{caddyhttp.ClientIPVarKey: client, caddyhttp.TrustedProxyVarKey: proxy}
	return r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars))
}

// TestWhatIsProven: only the address of the connection, and not a proxy's.
func TestWhatIsProven(t *testing.T) {
	for _, c := range []struct {
		client, peer string
		proxy, want  bool
	}{
		{"192.0.2.1", "192.0.2.1", false, true},
		{"192.0.2.1", "::ffff:192.0.2.1", false, true},
		{"192.0.2.1", "198.51.100.1", true, false},
		{"198.51.100.1", "198.51.100.1", true, false},
		{"192.0.2.1", "198.51.100.1", false, false},
	} {
		r := request(c.client, c.peer, c.proxy)
		if got := IsProven(r, Of(r)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
		for complete, want := range map[bool]bool{true: c.want, false: false} {
			r.TLS = &tls.ConnectionState{HandshakeComplete: complete}
			if got := IsProven(r, Of(r)); got != want {
				t.Errorf("%+v, handshake complete %v: %v", c, complete, got)
			}
		}
	}
}
