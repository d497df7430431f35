package browser

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// Service workers as shops have them: what they do with a navigation.
var serviceWorkers = map[string]string{
	"keeps all":            `caches.match(e.request).then((r) => r || fetch(e.request).then(store))`,
	"keeps what is ok":     `caches.match(e.request).then((r) => r || fetch(e.request).then((r) => r.ok ? store(r) : r))`,
	"keeps for later":      `fetch(e.request).then(store, () => caches.match(e.request))`,
	"keeps, then asks":     `caches.match(e.request).then((old) => { const now = fetch(e.request).then(store); return old || now })`,
	"keeps before showing": `caches.match(e.request).then(async (r) => { if (r) return r; r = await fetch(e.request); await (await caches.open("v1")).put(e.request, r.clone()); return r })`,
	"keeps by path":        `caches.match(location.origin + new URL(e.request.url).pathname).then((r) => r || fetch(e.request).then((r) => { caches.open("v2").then((k) => k.put(location.origin + new URL(e.request.url).pathname, r.clone())); return r.clone() }))`,
	"asks with options":    `fetch(e.request, { credentials: "include" })`,
	"asks by address":      `fetch(e.request.url)`,
	"asks ahead":           preload,
}

// preload answers with what the browser asked for while the worker started.
const preload = `e.preloadResponse.then((r) => r || fetch(e.request))`

// offline is a shop with a service worker.
func offline(respond string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/worker.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprintf(w, `oninstall = () => skipWaiting();
				onactivate = (e) => e.waitUntil(Promise.all([clients.claim(), %v && registration.navigationPreload.enable()]));
				onfetch = (e) => {
					const store = (r) => { const c = r.clone(); caches.open("v1").then((k) => k.put(e.request, c)); return r };
					if (e.request.mode === "navigate") e.respondWith(%s);
				}`, respond == preload, respond)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body := `<p id=home>shop</p>`
		if r.URL.Path == "/install" {
			body += `<script>navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.controller
				|| new Promise((d) => navigator.serviceWorker.oncontrollerchange = d)).then(() => document.title = "installed")</script>`
		}
		_, _ = io.WriteString(w, `<!doctype html><title>shop</title><link rel=icon href="data:,">`+body)
	})
}

// install has the shop's worker take over, and then the attack begin.
func (w *walker) install() {
	w.t.Helper()
	w.Go(w.mall.at(w.shop, "/install"))
	w.Await(`document.title === "installed"`)
	w.mall.level(shop.Attack)
}

// TestServiceWorkers: whatever a shop's worker does with pages, its customers arrive, with
// one pass, and when the attack is over no stored challenge stands in their way.
func TestServiceWorkers(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	for name, respond := range serviceWorkers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openMall(t, plan{scheme: "https", instead: offline(respond)})
			w := visitMall(t, b, s)
			w.install()
			w.Go(s.at("loewen", "/product/1?from=mail"))
			w.Await(`document.getElementById("home") && document.readyState === "complete"`)
			time.Sleep(time.Second) // in which a circle would be seen
			if got := outcomes(t, s.edge, "loewen"); got["passed"] != 1 || got["page"] != 1 || got["program"] != 0 {
				t.Errorf("the edge counts %v, want one page and one pass", got)
			}
			// A tab that was closed in the middle leaves a stored challenge behind.
			w.losePass()
			w.Before(`window.fetch = () => new Promise(() => {}); Object.defineProperty(window, "caches", { value: { keys: async () => [] } })`)
			w.Go(s.at("loewen", "/product/2"))
			w.See("#bar")
			time.Sleep(300 * time.Millisecond)
			s.level(shop.Calm)
			later := &walker{w.Beside(), t, s, "loewen"}
			later.Go(s.at("loewen", "/product/2"))
			later.Await(`document.getElementById("home")`)
			if got := len(pagesOf(later.Answers())); got > 3 {
				t.Errorf("at level 0 the customer got %d pages, want at most 3: %v", got, later.Answers())
			}
		})
	}
}

// TestStoredForEver: a worker that stores the challenge where the page cannot find it does
// not send the customer in circles. It is the control, too: the page's name is what it is
// found by.
func TestStoredForEver(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	s := openMall(t, plan{scheme: "https", instead: offline(serviceWorkers["keeps all"]), rest: "header -X-Theriac-Challenge\n"})
	w := visitMall(t, b, s)
	w.install()
	w.Go(s.at("loewen", "/product/1"))
	w.See("#on")
	w.See("a.go")
	w.See(`a[href^="tel:"]`)
	before := len(w.Answers())
	time.Sleep(3 * time.Second)
	if got := w.Answers()[before:]; len(got) > 0 {
		t.Errorf("the page does not stop: %v", got)
	}
	if got := outcomes(t, s.edge, "loewen"); got["passed"] < 2 || got["passed"] > 3 {
		t.Errorf("the edge counts %v, want that the page tries two or three times", got)
	}
	if got := chrome.Eval[string](w.Tab, `document.body.innerText`); !strings.Contains(got, "Continue") {
		t.Errorf("the customer reads %q", got)
	}
}
