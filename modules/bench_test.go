package modules_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// serve loads a site and returns the server that would answer its requests,
// without the network, which costs more than anything measured here.
func serve(b *testing.B, site string) *caddyhttp.Server {
	b.Helper()
	caddyfile := "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n\tshield {\n\t\twatch shadow\n\t}\n}\nhttp://127.0.0.1:0 {\n" + site + "\n}"
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = caddy.Stop() })
	app, err := caddy.ActiveContext().App("http")
	if err != nil {
		b.Fatal(err)
	}
	return app.(*caddyhttp.App).Servers["srv0"]
}

// What a request costs at the edge apart from the network, beside what Caddy
// needs to say the same.
func BenchmarkAnswer(b *testing.B) {
	const tight = "shield loewen {\n limit client {\n rate 1/h\n burst 1\n penalty 4000000000 1s\n }\n compact_after "
	for _, c := range []struct {
		name, site string
		want       int
	}{
		{"allowed", "shield loewen {\n limit client {\n rate 1000000/s\n burst 1000000\n }\n limit subnet off\n limit pages {\n rate 1000000/s\n burst 1000000\n }\n}\nrespond 200", 200},
		{"allowed bare", "respond 200", 200},
		{"refused", tight + "2000000000\n}\nrespond 200", 429},
		{"refused bare", "respond 429", 429},
		{"compact", tight + "1\n}\nrespond 200", 429},
	} {
		b.Run(c.name, func(b *testing.B) {
			server := serve(b, c.site)
			request := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
			request.Header.Set("Accept", "text/html")
			server.ServeHTTP(httptest.NewRecorder(), request.Clone(b.Context()))
			server.ServeHTTP(httptest.NewRecorder(), request.Clone(b.Context()))
			b.ReportAllocs()
			for b.Loop() {
				w := &sink{header: make(http.Header)}
				server.ServeHTTP(w, request)
				if w.status != c.want {
					b.Fatalf("got status %d, want %d", w.status, c.want)
				}
			}
		})
	}
}

// sink discards a response.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }
