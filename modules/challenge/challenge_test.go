package challenge

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

func TestWhoIsAsked(t *testing.T) {
	for level, want := range [shop.Levels]struct{ suspicious, unknown bool }{
		shop.Calm: {false, false}, shop.Raised: {true, false}, shop.Attack: {true, true}, shop.Heavy: {true, true}, shop.Siege: {true, true},
	} {
		v := &shop.Visit{Level: shop.Level(level), Trust: shop.Suspicious}
		if got := isChallenged(v); got != want.suspicious {
			t.Errorf("level %s: the suspicious are asked: %v, want %v", v.Level, got, want.suspicious)
		}
		v.Trust = shop.Unknown
		if got := isChallenged(v); got != want.unknown {
			t.Errorf("level %s: the unknown are asked: %v, want %v", v.Level, got, want.unknown)
		}
	}
}

func TestPricesRise(t *testing.T) {
	for level := shop.Raised; level < shop.Level(shop.Levels); level++ {
		p := &prices[level]
		if p.hashes <= prices[level-1].hashes || p.wait <= prices[level-1].wait {
			t.Errorf("level %s costs no more than the one below", level)
		}
		if level > shop.Raised && (p.home.whole.Burst >= prices[level-1].home.whole.Burst || p.lasts >= prices[level-1].lasts) {
			t.Errorf("level %s gives no less than the one below", level)
		}
		if p.away.whole.Burst >= p.home.whole.Burst || waited.whole.Burst > p.home.whole.Burst {
			t.Errorf("level %s: elsewhere and without work there is as much to get as with", level)
		}
		for rise := range uint8(maxRise) {
			if more, less := p.work(rise+1), p.work(rise); more <= less && more < maxWork {
				t.Errorf("level %s, rise %d: %.0f hashes after %.0f", level, rise+1, more, less)
			}
		}
	}
}

func TestWhereAVisitorMayBeSentOn(t *testing.T) {
	for to, want := range map[string]string{
		"/": "/", "/product/7": "/product/7", "/search?q=a+b&x=//y": "/search?q=a+b&x=//y", "/ä": "/ä",
		"//product/7": "/.//product/7", "///x": "/.///x",
	} {
		if got, ok := local(to); !ok || got != want {
			t.Errorf("%q leads to %q, %v, want %q", to, got, ok, want)
		}
	}
	for _, to := range []string{
		"", "x", "https://evil.example/", `/\evil.example`, "/\t/evil.example", "\\/evil.example",
		"/a\r\nSet-Cookie: x=y", "/.theriac/wait?to=/", "javascript:alert(1)",
	} {
		if _, ok := local(to); ok {
			t.Errorf("%q is taken", to)
		}
	}
}

func TestCookies(t *testing.T) {
	for _, c := range []struct {
		what   string
		lines  []string
		secure bool
		want   string
		found  bool
	}{
		{"none", nil, false, "", false},
		{"alone", []string{"theriac=abc"}, false, "abc", true},
		{"among others", []string{"a=b; theriac=abc;c=d"}, false, "abc", true},
		{"in the second line", []string{"a=b", "theriac=abc"}, false, "abc", true},
		{"empty", []string{"theriac="}, false, "", true},
		{"a longer name", []string{"theriac-seen=no; xtheriac=no; theriac=abc"}, false, "abc", true},
		{"over TLS", []string{"theriac=plain; __Host-theriac=abc"}, true, "abc", true},
		{"over TLS only the plain one", []string{"theriac=plain"}, true, "", false},
		{"in quotes", []string{`theriac="abc"`}, false, "abc", true},
		{"with spaces around", []string{"a=b;  theriac=abc  ;  "}, false, "abc", true},
		{"junk", []string{";;;=;theriac;  ;theriac =x"}, false, "", false},
	} {
		r := &http.Request{Header: http.Header{"Cookie": c.lines}}
		if c.secure {
			r.TLS = new(tls.ConnectionState)
		}
		got, found := new(Handler).cookie(r, passCookie, 0)
		if got != c.want || found != c.found {
			t.Errorf("%s: cookie %q, %v; want %q, %v", c.what, got, found, c.want, c.found)
		}
	}
}
