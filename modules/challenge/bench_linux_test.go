package challenge

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/chain"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

// sink keeps the compiler from dropping unused results.
var sink int

// BenchmarkPass measures what the stage adds to a request that comes with a
// pass, budget included: of 65,536 customers of an attacked shop in turn, with
// the cookies and the User-Agent that they have. `drill bench` reads cpu-ns/op:
// the time of this thread, which counts neither what the machine does meanwhile
// nor what Go's runtime does.
func BenchmarkPass(b *testing.B) {
	ctx, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		b.Fatal(err)
	}
	app, err := shield.AppOf(ctx)
	if err != nil {
		b.Fatal(err)
	}
	keys := app.Keys()
	h := &Handler{Shop: "loewen", From: shop.Raised, app: app, store: app.Store(), keys: app.Keys, series: seriesOf("loewen"), tally: tally.New(time.Now())}
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
	chain.SetVisit(r, v)
	w, reached := httptest.NewRecorder(), 0
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		reached++
		return nil
	})
	cookies := make([]string, 1)
	r.Header["Cookie"] = cookies
	visit := func(line string) {
		v.Start = v.Start.Add(time.Microsecond)
		v.Trust = shop.Unknown
		cookies[0] = line
		if err := h.ServeHTTP(w, r, next); err != nil {
			b.Fatal(err)
		}
	}
	const customers = 1 << 16
	lines := make([]string, customers)
	for i := range lines {
		lines[i] = cookiesWith(keys.AppendPass(nil, &pow.Pass{
			Kind: pow.Work, Level: uint8(shop.Attack), Issued: now, Expires: now.Add(time.Hour), Net: subnetOf(v), Binding: h.binding(r),
		}, now))
		visit(lines[i]) // has been here before
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var used time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		from := done % customers
		batch := lines[from:min(from+256, customers, from+b.N-done)]
		b.StopTimer()
		for _, line := range batch {
			sink += strings.Count(line, "=") // a line that has just come is in the cache
		}
		b.StartTimer()
		before := cpuTime(b)
		for _, line := range batch {
			visit(line)
		}
		used += cpuTime(b) - before
		done += len(batch)
	}
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	if want := customers + b.N; reached != want {
		b.Fatalf("%d of %d requests went through", reached, want)
	}
}

// cookiesWith is what a customer's browser sends besides the pass.
func cookiesWith(pass []byte) string {
	return "session=9f2c1e7ab04d4c3f8a51; cookieconsent=all; _ga=GA1.1.1273054218.1763891200; " +
		"__Host-theriac-seen=MQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; __Host-theriac=" + string(pass) + "; cart=b1946ac92492d234"
}

// cpuTime is what this thread has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}
