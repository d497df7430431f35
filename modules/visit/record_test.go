package visit

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/modules/shield/tally"
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

// TestAnswersInParts: an answer of one part is told when it is over, and one of several parts, or of
// parts that are sent early, while it is being sent.
func TestAnswersInParts(t *testing.T) {
	write := func(rec *recorder) { _, _ = rec.Write([]byte("part")) }
	for name, c := range map[string]struct {
		send func(rec *recorder)
		want uint64 // answered before it is over
	}{
		"one":     {send: write},
		"several": {send: func(rec *recorder) { write(rec); write(rec); write(rec) }, want: 1},
		"early":   {send: func(rec *recorder) { write(rec); _ = rec.FlushError() }, want: 1},
		"a file":  {send: func(rec *recorder) { _, _ = rec.ReadFrom(strings.NewReader("all of it")) }, want: 1},
	} {
		h := newHandler(t)
		h.tally = tally.New(time.Now())
		rec := &recorder{
			ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: httptest.NewRecorder()}, handler: h, request: get("/"),
			visit: shop.Visit{Shop: h.Shop, Class: shop.Page, Start: time.Now()},
		}
		h.tally.Arrive(&rec.visit, false)
		rec.WriteHeader(http.StatusOK)
		c.send(rec)
		if got := h.tally.Counts(time.Now()).Answered; got != c.want || h.tally.InWork() != 1 {
			t.Errorf("%s: %d are answered and %d in work while it is sent, want %d and 1", name, got, h.tally.InWork(), c.want)
		}
		h.tally.Leave(&rec.visit)
		if got := h.tally.Counts(time.Now()).Answered; got != 1 || h.tally.InWork() != 0 {
			t.Errorf("%s: %d are answered and %d in work in the end, want 1 and 0", name, got, h.tally.InWork())
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
