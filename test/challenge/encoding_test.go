package challenge

import (
	"net/http"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/kit"
)

// TestPageInTheClientsCoding: a client that forbids gzip can read the challenge, and one
// that accepts it gets less to load.
func TestPageInTheClientsCoding(t *testing.T) {
	e := challengedEdge(t, kit.NewBackend(t).Addr, "")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	v := kit.NewVisitor(t, e, "127.45.0.1")
	for accepts, want := range map[string]string{
		"gzip": "gzip", "*": "gzip", "x-gzip": "gzip", "br, gzip;q=0.5": "gzip",
		"identity": "", "gzip;q=0": "", "gzip; q=0.0, identity": "", "br;q=1.0, gzip;q=0, *;q=0.1": "",
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/product/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"User-Agent": {v.Agent}, "Accept": {"text/html"}, "Accept-Encoding": {accepts}}
		status, header, page := v.Do(request)
		if got := header.Get("Content-Encoding"); status != http.StatusServiceUnavailable || got != want {
			t.Errorf("Accept-Encoding %q: status %d, coding %q, want %q", accepts, status, got, want)
		}
		if readable := len(page) > 0 && page[0] == '<'; readable != (want == "") {
			t.Errorf("Accept-Encoding %q: the page begins with %.4q", accepts, page)
		}
	}
}
