package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/kit"
)

// order is a form with what a customer may write, and a field that hides a method.
const order = `<form method=post action="%s"><input name=street value="Hauptstraße 1 & Söhne *~+%%">
	<textarea name=note>one
two</textarea><input name=empty><input name=submit value=go><button>order</button></form>`

// orders is a shop with that form.
func orders() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body := fmt.Sprintf(order, "/order")
		if r.Method == http.MethodPost {
			body = "<p id=done>thanks</p>"
		}
		_, _ = io.WriteString(w, `<!doctype html><title>shop</title><link rel=icon href="data:,">`+body)
	})
}

// otherBrowser has the page take Chromium for a browser that asks before it sends a form
// again.
const otherBrowser = `Object.defineProperty(Navigator.prototype, "userAgentData", { value: undefined })`

// TestFormWithoutQuestion: where a reload would ask the customer, the page sends the form
// again itself: the same bytes, once.
func TestFormWithoutQuestion(t *testing.T) {
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	s := openMall(t, plan{scheme: "https", instead: orders()})
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html>`+order, s.at("loewen", "/order"))
	}))
	t.Cleanup(stranger.Close)
	submit := func(from, script string) (how string) {
		t.Helper()
		w := visitMall(t, b, s)
		w.Before(script)
		s.level(shop.Calm)
		w.Go(from)
		w.Await(`document.forms.length`)
		s.level(shop.Heavy)
		w.Click("button")
		w.Await(`document.getElementById("done")`)
		return chrome.Eval[string](w.Tab, `performance.getEntriesByType("navigation")[0].type`)
	}
	here, there := s.at("loewen", "/"), "https://stranger.example:"+kit.PortOf(stranger.Listener.Addr().String())
	for i, c := range []struct{ what, from, script, how string }{
		{"another browser", here, otherBrowser, "navigate"},
		{"Chromium", here, "", "reload"},
		{"another browser, from another site", there, otherBrowser, "reload"},
	} {
		if got := submit(c.from, c.script); got != c.how {
			t.Errorf("%s: the form arrives by %s, want %s", c.what, got, c.how)
		}
		posts := s.shops["loewen"].to("/order")
		const want = "street=Hauptstra%C3%9Fe+1+%26+S%C3%B6hne+*%7E%2B%25&note=one%0D%0Atwo&empty=&submit=go"
		if len(posts) != i+1 || posts[i].body != want {
			t.Errorf("%s: the shop got %q, want one more %q", c.what, posts, want)
		}
	}
}
