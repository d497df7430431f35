package visit

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
)

// shops counts the shops of these tests: what one learns outlives its handler.
var shops atomic.Int64

// newHandler is the stage of a shop of its own, without an edge around it.
func newHandler(t testing.TB) *Handler {
	t.Helper()
	id := shop.ID(fmt.Sprintf("shop-%d", shops.Add(1)))
	ctx, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		t.Fatal(err)
	}
	app, err := shield.AppOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &Handler{Shop: id, app: app, tally: tally.New(time.Now())}
}

// answered has the shop answer a request, and the stage learn from it.
func (h *Handler) answered(r *http.Request, status int, kind string, change func(*recorder)) {
	w := httptest.NewRecorder()
	rec := &recorder{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, handler: h, request: r}
	rec.visit = shop.Visit{Shop: h.Shop, Start: time.Now(), Trust: shop.Unknown}
	rec.visit.Class, rec.place = h.classOf(r, rec.visit.Start)
	w.Header().Set("Content-Type", kind)
	if change != nil {
		change(rec)
	}
	rec.WriteHeader(status)
}

func (h *Handler) classNow(r *http.Request) shop.Class {
	class, _ := h.classOf(r, time.Now())
	return class
}

func get(path string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "http://shop.example"+path, nil)
}

func TestAssetsAreLearned(t *testing.T) {
	attacked := func(level shop.Level, trust shop.Trust) func(*recorder) {
		return func(rec *recorder) { rec.visit.Level, rec.visit.Trust = level, trust }
	}
	for _, c := range []struct {
		about, path, then string
		status            int
		kind              string
		change            func(*recorder)
		want              shop.Class
	}{
		{"a picture", "/media/a.jpg", "/media/b.jpg", 200, "image/jpeg", nil, shop.Asset},
		{"in any case", "/media/a.JPG", "/media/b.jpg", 200, "Image/JPEG", nil, shop.Page}, // an ending is one as it is written
		{"deeper", "/media/12/ab/a.jpg", "/media/99/b.jpg", 200, "image/jpeg", nil, shop.Asset},
		{"at the top", "/style.css", "/other.css?v=2", 200, "text/css; charset=utf-8", nil, shop.Asset},
		{"in a directory of its own", "/24-home_default/a.jpg", "/107-home_default/b.jpg", 200, "image/jpeg", nil, shop.Asset},
		{"without an ending, in one of its own", "/24-home_default/a", "/107-home_default/b", 200, "image/jpeg", nil, shop.Page},
		{"without an ending", "/image/4711", "/image/4712", 200, "image/png", nil, shop.Asset},
		{"another directory", "/media/a.jpg", "/search/a.jpg", 200, "image/jpeg", nil, shop.Search},
		{"another ending", "/media/a.jpg", "/media/a.css", 200, "image/jpeg", nil, shop.Page},
		{"a page with such a name", "/search/.css", "/search/.css", 200, "text/html", nil, shop.Search},
		{"an error", "/media/a.jpg", "/media/a.jpg", 404, "image/jpeg", nil, shop.Page},
		{"a part", "/media/a.jpg", "/media/a.jpg", 206, "image/jpeg", nil, shop.Page},
		{"with a cookie", "/captcha.jpg", "/captcha.jpg", 200, "image/jpeg", func(rec *recorder) { rec.Header().Set("Set-Cookie", "a=b") }, shop.Page},
		{"refused by a stage", "/media/a.jpg", "/media/a.jpg", 200, "image/jpeg", func(rec *recorder) { rec.visit.Outcome.Stage = "waf" }, shop.Page},
		{"a program", "/media/a.php", "/media/a.php", 200, "image/jpeg", nil, shop.Page},
		{"a picture at the top without an ending", "/logo", "/logo", 200, "image/jpeg", nil, shop.Page},
		{"by a stranger while attacked", "/media/a.jpg", "/media/a.jpg", 200, "image/jpeg", attacked(shop.Attack, shop.Unknown), shop.Page},
		{"by a customer while attacked", "/media/a.jpg", "/media/a.jpg", 200, "image/jpeg", attacked(shop.Siege, shop.Passed), shop.Asset},
	} {
		h := newHandler(t)
		if got := h.classNow(get(c.then)); got == shop.Asset {
			t.Errorf("%s: %s is an asset before it was served", c.about, c.then)
		}
		h.answered(get(c.path), c.status, c.kind, c.change)
		if got := h.classNow(get(c.then)); got != c.want {
			t.Errorf("%s: after %d %s of %s, %s is of class %s, want %s", c.about, c.status, c.kind, c.path, c.then, got, c.want)
		}
	}
}

// TestPagesAreNoAssets: where a shop serves pages, a picture without an ending makes no
// assets of them, in whatever order they were served.
func TestPagesAreNoAssets(t *testing.T) {
	for _, first := range []string{"image/png", "text/html"} {
		h := newHandler(t)
		for _, kind := range []string{first, "image/png", "text/html"} {
			h.answered(get("/search/captcha"), http.StatusOK, kind, nil)
		}
		if got := h.classNow(get("/search/tee")); got != shop.Search {
			t.Errorf("%s first: /search/tee is of class %s, want search", first, got)
		}
	}
}

// TestAmbiguousPaths: what servers read in different ways is no asset, even where the shop
// has served some.
func TestAmbiguousPaths(t *testing.T) {
	h := newHandler(t)
	for _, path := range []string{"/a.css", "/media/a.css", "/search/a.css", "/x/a.css"} {
		h.answered(get(path), http.StatusOK, "text/css", nil)
	}
	for _, path := range []string{
		"/search;a.css", "/search%3b.css", "/search%3Ba.css", "/media/..%2fsearch.css", "/media/%2e%2e/search.css",
		"/media/../search/.css", "/%2fsearch%2f.css", "/media//a.css", "/media%5ca.css", "/media/a%00.css", "/media/%252e.css", "/x/./a.css",
	} {
		if got := h.classNow(get(path)); got == shop.Asset {
			t.Errorf("%s is an asset", path)
		}
	}
	for _, path := range []string{"/a.css", "/media/Bild%20(1).css", "/media/%C3%B6.css", "/media/a.css?x=;"} {
		if got := h.classNow(get(path)); got != shop.Asset {
			t.Errorf("%s is of class %s, want asset: nothing is ambiguous about it", path, got)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodOptions, http.MethodDelete} {
		r := get("/media/a.css")
		if r.Method = method; h.classNow(r) == shop.Asset {
			t.Errorf("%s /media/a.css is an asset", method)
		}
	}
}

// TestShopsLearnForThemselves: what one shop has served makes no asset of another's page,
// and a shop that serves a picture whatever it is asked for learns a bounded number of
// places.
func TestShopsLearnForThemselves(t *testing.T) {
	one, other := newHandler(t), newHandler(t)
	one.answered(get("/media/a.jpg"), http.StatusOK, "image/jpeg", nil)
	if got := other.classNow(get("/media/a.jpg")); got == shop.Asset {
		t.Error("what one shop has served is another's asset")
	}
	learned := 0
	for n := range 1000 {
		path := "/" + strings.Repeat("x", n%100) + "/" + strings.Repeat("y", n/100)
		directory := path[:strings.LastIndexByte(path, '/')]
		r := get(directory + string(rune('a'+n/100)) + "/picture")
		one.answered(r, http.StatusOK, "image/png", nil)
		if one.classNow(r) == shop.Asset {
			learned++
		}
	}
	if learned == 0 || learned > 200 {
		t.Errorf("%d places were learned at once, want some and at most 200", learned)
	}
}

func TestClassOfAssetCostsNoAllocation(t *testing.T) {
	h := newHandler(t)
	r := get("/media/12/ab/a.jpg")
	h.answered(r, http.StatusOK, "image/jpeg", nil)
	if n := testing.AllocsPerRun(100, func() { h.classNow(r) }); n != 0 {
		t.Errorf("a class costs %v allocations, want 0", n)
	}
}
