//go:build unix

package challenge

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/shop"
)

// BenchmarkPass measures what the stage adds to a request that comes with a
// pass, budget included: of 65,536 customers of an attacked shop in turn, with
// the cookies and the User-Agent that they have. `drill bench` reads cpu-ns/op,
// which does not count what the machine does meanwhile.
func BenchmarkPass(b *testing.B) {
	store := counters.NewMemory(64 << 20)
	defer store.Close()
	keys, err := pow.NewKeys([]byte(strings.Repeat("s", pow.MinSecret)))
	if err != nil {
		b.Fatal(err)
	}
	h := &Handler{Shop: "loewen", From: shop.Raised, store: store, keys: keys, series: seriesOf("loewen")}
	now := time.Now()
	v := &shop.Visit{Shop: h.Shop, Trust: shop.Unknown, Level: shop.Attack, Since: now.Add(-time.Hour), Start: now}
	r := httptest.NewRequest(http.MethodGet, "https://loewen.example/product/1", nil)
	r.TLS = new(tls.ConnectionState)
	r.Header = http.Header{
		"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"},
		"Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"},
		"Sec-Fetch-Mode":  {"navigate"},
	}
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, make(map[string]any)))
	shield.SetVisit(r, v)
	w, reached := httptest.NewRecorder(), 0
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		reached++
		return nil
	})
	visit := func(cookies []string) {
		v.Start = v.Start.Add(time.Microsecond)
		v.Trust = shop.Unknown
		r.Header["Cookie"] = cookies
		if err := h.ServeHTTP(w, r, next); err != nil {
			b.Fatal(err)
		}
	}
	const customers = 1 << 16
	passes := make([]string, customers)
	for i := range passes {
		passes[i] = string(keys.AppendPass(nil, &pow.Pass{
			Kind: pow.Work, Level: uint8(shop.Attack), Issued: now, Expires: now.Add(time.Hour), Net: netOf(v), Binding: h.binding(r),
		}, now))
		visit(cookiesWith(passes[i])) // has been here before
	}
	var used time.Duration
	batch := make([][]string, 1024)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += len(batch) {
		b.StopTimer()
		batch = batch[:min(len(batch), b.N-done)]
		for i := range batch {
			batch[i] = cookiesWith(passes[(done+i)%customers]) // as fresh in the cache as from a connection
		}
		b.StartTimer()
		before := cpuTime(b)
		for _, cookies := range batch {
			visit(cookies)
		}
		used += cpuTime(b) - before
	}
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	if want := customers + b.N; reached != want {
		b.Fatalf("%d of %d requests went through", reached, want)
	}
}

// cookiesWith is what a customer's browser sends besides the pass.
func cookiesWith(pass string) []string {
	return []string{"session=9f2c1e7ab04d4c3f8a51; cookieconsent=all; _ga=GA1.1.1273054218.1763891200; " +
		"__Host-theriac-seen=MQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; __Host-theriac=" + pass + "; cart=b1946ac92492d234"}
}

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
