package challenge

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

func TestCookieDomains(t *testing.T) {
	for _, domain := range []string{"example.org", "shop.example.org", "shop.localhost", "xn--bcher-kva.example", "shop.co.uk"} {
		if err := checkCookieDomain(domain); err != nil {
			t.Errorf("%s is refused: %v", domain, err)
		}
	}
	for _, domain := range []string{
		"", "org", "co.uk", "github.io", "localhost", ".example.org", "example.org.", "https://example.org", "example.org:443",
		"*.example.org", "127.0.0.1", "::1", "Example.org", "example.org/shop",
	} {
		if err := checkCookieDomain(domain); err == nil {
			t.Errorf("%q is taken", domain)
		}
	}
	if err := checkCookieDomains([]string{"example.org", "example.org"}); err == nil {
		t.Error("a domain is taken twice")
	}
}

// A host gets a cookie of a domain that it is in, and otherwise its own.
func TestCookieOfDomain(t *testing.T) {
	h := &Handler{CookieDomains: []string{"example.org", "shop.example"}}
	for host, want := range map[string]string{
		"www.example.org":     "__Secure-theriac=x; Path=/; Domain=example.org; Max-Age=60; HttpOnly; Secure; SameSite=None",
		"API.Example.org:443": "__Secure-theriac=x; Path=/; Domain=example.org; Max-Age=60; HttpOnly; Secure; SameSite=None",
		"example.org":         "__Secure-theriac=x; Path=/; Domain=example.org; Max-Age=60; HttpOnly; Secure; SameSite=None",
		"shop.example.":       "__Secure-theriac=x; Path=/; Domain=shop.example; Max-Age=60; HttpOnly; Secure; SameSite=None",
		"badexample.org":      "__Host-theriac=x; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None",
		"example.com":         "__Host-theriac=x; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None",
	} {
		r := &http.Request{Host: host, TLS: new(tls.ConnectionState)}
		w := httptest.NewRecorder()
		h.setCookie(w, r, passCookie, "x", time.Minute)
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%s gets %q, want %q", host, got, want)
		}
		r.Header = http.Header{"Cookie": {w.Result().Cookies()[0].String()}}
		if got, ok := h.cookie(r, passCookie, 0); !ok || got != "x" {
			t.Errorf("%s: its own cookie is read as %q, %v", host, got, ok)
		}
	}
}

// A pass is found behind older cookies of its name, up to a bound, and without allocation.
func TestPassAmongSeveral(t *testing.T) {
	keys, err := pow.NewKeys([]byte("only-for-tests-on-loopback"))
	if err != nil {
		t.Fatal(err)
	}
	store := counters.NewMemory(1 << 20)
	defer store.Close()
	h, now := &Handler{Shop: "loewen", keys: func() *pow.Keys { return keys }, store: store}, time.Now()
	r := &http.Request{Header: http.Header{"User-Agent": {"a browser"}}}
	v := &shop.Visit{Shop: "loewen", Start: now, Level: shop.Attack}
	pass := pow.Pass{Kind: pow.Work, Level: 2, Issued: now, Expires: now.Add(time.Hour), Binding: h.binding(r)}
	good := "theriac=" + string(keys.AppendPass(nil, &pass, now))
	pass.Binding++
	stranger := "theriac=" + string(keys.AppendPass(nil, &pass, now))
	for name, c := range map[string]struct {
		line string
		want bool
	}{
		"alone":                 {good, true},
		"behind one of a path":  {"theriac=old; " + good, true},
		"behind a stranger's":   {stranger + "; a=b; " + good, true},
		"before an old one":     {good + "; theriac=old", true},
		"the fourth":            {"theriac=1; theriac=2; theriac=3; " + good, true},
		"beyond the bound":      {"theriac=1; theriac=2; theriac=3; theriac=4; " + good, false},
		"a stranger's and junk": {stranger + "; theriac=old", false},
	} {
		r.Header["Cookie"] = []string{c.line}
		if _, ok := h.passOf(r, v, new(tokens)); ok != c.want {
			t.Errorf("%s: found %v, want %v", name, ok, c.want)
		}
		if n := testing.AllocsPerRun(100, func() { h.passOf(r, v, new(tokens)) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}
