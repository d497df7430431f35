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

// orders is a shop with that form, and with a cookie that browsers keep from forms of other
// sites.
func orders() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Set-Cookie", "own=1; SameSite=Lax")
		body := fmt.Sprintf(order, "/order")
		if r.Method == http.MethodPost {
			_, err := r.Cookie("own")
			body = fmt.Sprintf("<p id=done>%s, own: %v</p>", r.Header.Get("Sec-Fetch-Site"), err == nil)
		}
		_, _ = io.WriteString(w, `<!doctype html><title>shop</title><link rel=icon href="data:,">`+body)
	})
}

// otherBrowser has the page take Chromium for a browser that asks before it sends a form
// again.
const otherBrowser = `Object.defineProperty(Navigator.prototype, "userAgent", { value: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" })`

// TestFormWithoutQuestion: where a reload would ask the customer, the page sends the form
// again itself: the same bytes, once. Another site's form remains one.
func TestFormWithoutQuestion(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	s := openMall(t, plan{scheme: "https", instead: orders()})
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html>`+order, s.at("loewen", "/order"))
	}))
	t.Cleanup(stranger.Close)
	here, there := s.at("loewen", "/"), "https://stranger.example:"+kit.PortOf(stranger.Listener.Addr().String())
	submit := func(from, script string) (how, as string) {
		t.Helper()
		w := visitMall(t, b, s)
		w.Before(script)
		s.level(shop.Calm)
		w.Go(here)
		w.Await(`document.forms.length`)
		w.Go(from)
		w.Await(`document.forms.length && location.href.startsWith(` + fmt.Sprintf("%q", from) + `)`)
		s.level(shop.Attack)
		w.Click("button")
		w.Await(`document.getElementById("done")`)
		return chrome.Eval[string](w.Tab, `performance.getEntriesByType("navigation")[0].type`), w.Text("#done")
	}
	for i, c := range []struct{ what, from, script, how, as string }{
		{"another browser", here, otherBrowser, "navigate", "same-origin, own: true"},
		{"Chromium", here, "", "reload", "same-origin, own: true"},
		{"another browser, from another site", there, otherBrowser, "navigate", "cross-site, own: false"},
		{"Chromium, from another site", there, "", "navigate", "cross-site, own: false"},
	} {
		if how, as := submit(c.from, c.script); how != c.how || as != c.as {
			t.Errorf("%s: the form arrives by %s as %q, want %s as %q", c.what, how, as, c.how, c.as)
		}
		posts := s.shops["loewen"].to("/order")
		const want = "street=Hauptstra%C3%9Fe+1+%26+S%C3%B6hne+*%7E%2B%25&note=one%0D%0Atwo&empty=&submit=go"
		if len(posts) != i+1 || posts[i].body != want {
			t.Errorf("%s: the shop got %q, want one more %q", c.what, posts, want)
		}
	}
}

// TestLargeFormOfOtherSite: a form of another site that the page cannot give back is not sent
// again as the shop's own, with cookies that the first one had not. The customer is told.
func TestLargeFormOfOtherSite(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	s := openMall(t, plan{scheme: "https", instead: orders()})
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><form method=post enctype=multipart/form-data action=%q><input name=email value=m@evil.test><button>go</button></form>`,
			s.at("loewen", "/account"))
	}))
	t.Cleanup(stranger.Close)
	w := visitMall(t, b, s)
	w.Go(s.at("loewen", "/"))
	w.Await(`document.forms.length`)
	s.level(shop.Attack)
	w.Go("https://stranger.example:" + kit.PortOf(stranger.Listener.Addr().String()))
	w.Click("button")
	w.Await(`location.pathname === "/.theriac/wait"`)
	w.says("What you sent has not reached the shop yet")
	if got := w.here().to("/account"); len(got) != 0 {
		t.Errorf("the shop got %q, want nothing", got)
	}
}
