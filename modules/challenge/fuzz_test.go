package challenge

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzCookie: our cookie is found whatever stands around it.
func FuzzCookie(f *testing.F) {
	f.Add("a=b", "abc", "c=d")
	f.Add(";; =;", "", "__Host-")
	f.Fuzz(func(t *testing.T, before, value, after string) {
		before = strings.ReplaceAll(before, passCookie, "")
		value, _, _ = strings.Cut(value, ";")
		value = strings.Trim(value, " \t\"")
		for _, line := range []string{before + "; " + passCookie + "=" + value + ";" + after, passCookie + "=" + value} {
			r := &http.Request{Header: http.Header{"Cookie": {line}}}
			if got, found := new(Handler).cookie(r, passCookie, 0); !found || got != value {
				t.Errorf("%q: found %q, %v; want %q", line, got, found, value)
			}
		}
	})
}

// FuzzLocal: no visitor is redirected to another host.
func FuzzLocal(f *testing.F) {
	f.Add("/product/1?a=b")
	f.Add("//evil.example")
	f.Add("/\\evil.example")
	f.Fuzz(func(t *testing.T, to string) {
		next, ok := local(to)
		if !ok {
			return
		}
		r, err := http.NewRequest(http.MethodGet, "https://shop.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := r.URL.Parse(next); err == nil && u.Host != "shop.example" {
			t.Errorf("%q leads to %q", to, u.Host)
		}
	})
}
