package visit

import (
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/shop"
)

// TestRefusedSockets: WebSockets that a limit does not let open are counted for the tier, and nothing
// else is.
func TestRefusedSockets(t *testing.T) {
	h := newHandler(t)
	h.counts = countsOf(h.Shop)
	for _, c := range []struct {
		class shop.Class
		stage string
		want  uint64
	}{{shop.Socket, "limit", 1}, {shop.Socket, "ban", 0}, {shop.Socket, "", 0}, {shop.Page, "limit", 0}} {
		before := countedByTier()
		rec := &recorder{
			ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: httptest.NewRecorder()}, handler: h, request: get("/"),
			visit: shop.Visit{Shop: h.Shop, Class: c.class, Outcome: shop.Outcome{Stage: c.stage}},
		}
		rec.record(nil)
		if got := countedByTier() - before; got != c.want {
			t.Errorf("%s refused by %q: %d are counted, want %d", c.class, c.stage, got, c.want)
		}
	}
}

// countedByTier is how many of all vectors this process has stopped.
func countedByTier() (n uint64) {
	for _, controls := range layer4.Process.Counts().Stopped {
		for _, stopped := range controls {
			n += stopped
		}
	}
	return n
}
