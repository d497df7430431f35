// Package process proves that an edge holds up as a process: it starts or says why
// not, reloads without losing requests or goroutines, stays within its memory, and
// survives hostile and slow clients.
package process

import (
	"encoding/json"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/theriac-edge/theriac/modules"
)

// loadHere runs a Caddyfile in this process, without an admin endpoint.
func loadHere(t testing.TB, caddyfile string) {
	t.Helper()
	caddyfile = strings.ReplaceAll(caddyfile, "admin {$ADMIN}", "admin off")
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		t.Fatalf("adapting: %v %v", err, warnings)
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	config["logging"] = json.RawMessage(`{"logs":{"default":{"level":"ERROR"}}}`)
	if adapted, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatalf("loading: %v", err)
	}
}

func stopHere(t testing.TB) {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// serverHere is the only server of the configuration that runs here.
func serverHere(t testing.TB) http.Handler {
	t.Helper()
	app, err := caddy.ActiveContext().App("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range app.(*caddyhttp.App).Servers {
		return server
	}
	t.Fatal("no server runs here")
	return nil
}

// address is the i-th address: every other one is IPv6.
func address(i int) string {
	n := uint32(i) * 2654435761 // a permutation of all 32 bits
	part := func(shift int) string { return strconv.Itoa(int(n >> shift & 255)) }
	if i%2 == 0 {
		return part(24) + "." + part(16) + "." + part(8) + "." + part(0)
	}
	hex := strconv.FormatUint(uint64(n), 16)
	hex = strings.Repeat("0", 8-len(hex)) + hex
	return "2001:db8:" + hex[:4] + ":" + hex[4:] + "::1"
}

// heap is what is in use after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first one fills the pools' victims
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// discard is a response that nobody reads; it keeps the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// visitAll sends one request from each address through the whole chain, and
// counts the answers by status.
func visitAll(handler http.Handler, n int) map[int]int {
	var mu sync.Mutex
	statuses := make(map[int]int)
	var visitors sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		visitors.Go(func() {
			mine := make(map[int]int)
			for i := w; i < n; i += workers {
				request := &http.Request{
					Method: http.MethodGet, URL: &url.URL{Path: "/"}, RequestURI: "/", Host: "loewen.localhost",
					Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody,
					RemoteAddr: "[" + address(i) + "]:4711",
				}
				answer := &discard{header: http.Header{}, status: http.StatusOK}
				handler.ServeHTTP(answer, request)
				mine[answer.status]++
			}
			mu.Lock()
			defer mu.Unlock()
			for status, n := range mine {
				statuses[status] += n
			}
		})
	}
	visitors.Wait()
	return statuses
}

// seriesHere counts the lines of the metrics of this process's edge.
func seriesHere(t testing.TB) int {
	t.Helper()
	ctx := caddy.ActiveContext()
	families, err := ctx.GetMetricsRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "theriac_") {
			series += len(f.GetMetric())
		}
	}
	return series
}
