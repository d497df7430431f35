package challenge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// frontController is a shop as Apache serves it: pictures below /media, and a page
// whatever else it is asked for.
func frontController(t *testing.T) (addr string, pages, misses *atomic.Int64) {
	t.Helper()
	pages, misses = new(atomic.Int64), new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/media/gone"):
			misses.Add(1)
			http.Error(w, "gone", http.StatusNotFound)
		case strings.HasPrefix(r.URL.Path, "/media/"):
			w.Header().Set("Content-Type", "image/jpeg")
		default:
			pages.Add(1)
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "a page")
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), pages, misses
}

// TestAssetsAreEarned: at every level a stranger gets pictures from where the shop has
// served some, within a budget of its subnet, and by no name anything else. What one edge
// has learned another knows.
func TestAssetsAreEarned(t *testing.T) {
	need.Loopback(t)
	addr, pages, misses := frontController(t)
	edges := challengedTier(t, 2, need.Redis(t).Addr, addr, "")
	get := func(n int, from, path string) int { return kit.Get(t, edge.From(from), edges[n].URL+path).Status }
	if status := get(0, "127.60.0.1", "/media/a.jpg"); status != http.StatusOK {
		t.Fatalf("level 0: status %d", status)
	}
	kit.SetLevel(t, edges[0], "loewen", shop.Siege)
	kit.Eventually(t, 5*time.Second, "the other edge has the level", func() bool { return kit.LevelOf(t, edges[1], "loewen") == shop.Siege })
	kit.Eventually(t, 5*time.Second, "the other edge knows where pictures are", func() bool { return get(1, "127.60.1.1", "/media/b.jpg") == http.StatusOK })

	before := pages.Load()
	for _, path := range []string{
		"/search/.css?q=tee", "/search/a.css", "/search/a.jpg", "/search;a.css", "/search%3b.jpg", "/media/..%2fsearch.jpg",
		"/media/../search/.jpg", "/%2fsearch%2f.js", "/does-not-exist-12345.css", "/media/a.php", "/index.php/media/a.jpg",
	} {
		if status := get(0, "127.60.2.1", path); status < http.StatusBadRequest {
			t.Errorf("a stranger gets %s with status %d", path, status)
		}
	}
	if n := pages.Load() - before; n != 0 {
		t.Errorf("the shop has rendered %d pages for a stranger", n)
	}

	through := func(subnet int, path string) (n int) {
		for i := range 400 {
			if get(0, fmt.Sprintf("127.60.%d.%d", subnet, 1+i%100), fmt.Sprintf(path, i)) <= http.StatusNotFound {
				n++
			}
		}
		return n
	}
	began := time.Now()
	if n, most := through(3, "/media/%d.jpg"), 200+20*int(time.Since(began)/time.Second+2); n < 200 || n > most {
		t.Errorf("%d of 400 pictures came through from one subnet, want 200 at once and 20 per second: %d at most", n, most)
	}
	misses.Store(0)
	if through(4, "/media/gone%d.jpg"); misses.Load() < 20 || misses.Load() > 60 {
		t.Errorf("the shop was asked for %d pictures that it has not, want about 30", misses.Load())
	}
}
