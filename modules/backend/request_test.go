package backend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestProxyHeadersAreCanonical: others are not found in the table of headers.
func TestProxyHeadersAreCanonical(t *testing.T) {
	for _, name := range proxyHeaders {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			t.Errorf("%q is found as %q only", name, canonical)
		}
	}
}

// BenchmarkRemoveForged measures what each request of a browser pays.
func BenchmarkRemoveForged(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.TrustedProxyVarKey: false}))
	for _, name := range []string{
		"User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Referer", "Sec-Fetch-Mode", "Sec-Fetch-Dest",
		"Sec-Fetch-Site", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Upgrade-Insecure-Requests", "Priority",
	} {
		r.Header.Set(name, "some value")
	}
	b.ReportAllocs()
	for b.Loop() {
		removeForged(r)
	}
}
