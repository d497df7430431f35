package backend

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestProxyHeadersAreCanonical: others are not found in the table of headers.
func TestProxyHeadersAreCanonical(t *testing.T) {
	for name := range proxyHeaders {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			t.Errorf("%q is found as %q only", name, canonical)
		}
	}
	for _, name := range slices.Concat(identities, proxyPrefixes[:], proxySuffixes[:]) {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			t.Errorf("%q is found as %q only", name, canonical)
		}
	}
}

// TestProxyHeaders: what only a proxy may say, and what others send.
func TestProxyHeaders(t *testing.T) {
	for header, want := range map[string]bool{
		"X-Real-IP": true, "X-Real-Port": true, "Forwarded": true, "CF-Connecting-IPv6": true, "CF-IPCountry": true, "X-Original-URI": true,
		"X-Forwarded-Uri": true, "X-Envoy-Original-Path": true, "CloudFront-Viewer-Address": true, "Proxy": true, "SSL-Client-S-DN": true,
		"True-Client-IP": true, "X-Nobody-Knows-Client-IP": true, "EO-Connecting-IP": true, "Z-Forwarded-For": true, "Client-Cert": true,
		"X-Forwarded-User": false, "Remote-User": false, "Authorization": false, "Cookie": false, "X-Requested-With": false, "X-Client-Id": false,
		"X-Http-Method-Override": false, "Upgrade": false, "Origin": false, "X-Api-Key": false, "Via": false, "Referer": false, "Cf": false, "X-Ip": false, "X-Chip": false,
	} {
		if got := isProxyHeader(http.CanonicalHeaderKey(header)); got != want {
			t.Errorf("%s: %t, want %t", header, got, want)
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
