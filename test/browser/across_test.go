package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/kit"
)

// checkout is a shop with what the demo shop has not: a page to which a bank sends
// its customers back, and one whose scripts do the work.
func checkout() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, `<!doctype html><title>shop</title><link rel="icon" href="data:,">`+body)
		})
	}
	page("GET /{$}", "<p id=home>home</p>")
	page("GET /app", `<script src="/.theriac/solve.js"></script><p id=home>app</p>`)
	page("POST /checkout/return", "<p id=returned>paid</p>")
	mux.HandleFunc("POST /api/basket", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, r.Body)
	})
	return mux
}

// TestReturnFromBank: a customer that comes back from 3-D Secure or PayPal sends a form
// from another site. The pass comes along, so nobody stands in his way.
func TestReturnFromBank(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{scheme: "https", instead: checkout()})
	s.level(shop.Heavy)
	const paid = "PaRes=eJzVWFmTo0iS%2F%2B%2BvKKt9lHVxI1CbNmf%3D&MD=%C3%B6"
	bank := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>bank</title><form method="post" action=%q><input type="hidden" name="PaRes"
			value="eJzVWFmTo0iS/++vKKt9lHVxI1CbNmf="><input type="hidden" name="MD" value="ö"><button>pay</button></form>`,
			s.at("loewen", "/checkout/return?order=7"))
	}))
	t.Cleanup(bank.Close)
	bankAt := "https://bank.example:" + kit.PortOf(bank.Listener.Addr().String())

	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}}), s)
	w.Go(s.at("loewen", "/"))
	w.Await(`document.getElementById("home")`)
	pass := w.Cookie(s.at("loewen", "/"), s.pass())
	if pass == nil || pass.SameSite != network.CookieSameSiteNone || !pass.Secure || !pass.HTTPOnly || pass.Path != "/" {
		t.Fatalf("the pass is %+v, want one for other sites' forms, too, and for no script", pass)
	}
	pay := func(want string, times int) {
		t.Helper()
		before := len(pagesOf(w.Answers()))
		w.Go(bankAt)
		w.Click("button")
		w.Await(`document.getElementById("returned")`)
		if got := w.way("/checkout/return", before); got != want {
			t.Errorf("the way back was %s, want %s", got, want)
		}
		posts := w.here().to("/checkout/return")
		if len(posts) != times || posts[times-1].body != paid {
			t.Errorf("the shop got %q, want %d times %q", posts, times, paid)
		}
	}
	pay("POST 200", 1)
	// The control: a pass that is for this site alone stays behind. The form
	// then arrives all the same, after some work.
	w.Drop(s.at("loewen", "/"), s.pass())
	yes := true
	chrome.Call(w.Tab, network.SetCookie, network.SetCookieParams{
		Name: pass.Name, Value: pass.Value, URL: s.at("loewen", "/"), Path: "/", Secure: &yes, HTTPOnly: &yes,
		SameSite: network.CookieSameSiteLax,
	})
	w.Go(s.at("loewen", "/"))
	w.Await(`document.getElementById("home")`)
	if got, want := w.way("/", 0), "GET 503, GET 200, GET 200"; got != want {
		t.Errorf("the visitor's way was %s, want %s: the pass is good for this site", got, want)
	}
	pay("POST 503, POST 200", 2)
}

// TestFetchIsSolvedInPlace: a shop's script that has no pass gets one without
// the page noticing, if it has our snippet.
func TestFetchIsSolvedInPlace(t *testing.T) {
	s := openMall(t, plan{instead: checkout()})
	b := chrome.Start(t, chrome.Options{Flags: []string{names}})
	const put = `fetch("/api/basket", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"q":"Tee ö"}' })
		.then(async (r) => r.status + " " + await r.text())`
	const want = `200 {"q":"Tee ö"}`

	w := visitMall(t, b, s)
	w.Go(s.at("loewen", "/app"))
	w.Await(`document.getElementById("home")`)
	s.level(shop.Heavy)
	if got := chrome.Eval[string](w.Tab, put); got != want {
		t.Errorf("the script got %q, want %q", got, want)
	}
	w.got("GET /app 200", "GET /.theriac/solve.js 200", "GET /.theriac/challenge 200", "POST /.theriac/challenge 204", "GET /.theriac/pass 204")
	if got := chrome.Eval[string](w.Tab, put); got != want || len(w.here().to("/api/basket")) != 2 {
		t.Errorf("the second time the script got %q, and the shop %q; want %q, and two", got, w.here().to("/api/basket"), want)
	}
	w.counts(map[string]int{"stamped": 1, "program": 1, "passed": 1, "returned": 1})
	w.losePass()
	if got := chrome.Eval[[]string](w.Tab, "Promise.all([1, 2, 3].map(() => "+put+"))"); strings.Join(got, ", ") != strings.Join([]string{want, want, want}, ", ") {
		t.Errorf("three scripts at once got %q, want three times %q", got, want)
	}
	if got := outcomes(t, s.edge, "loewen"); got["passed"] != 2 {
		t.Errorf("the edge counts %v, want one pass for all three", got)
	}

	// The control: without the snippet the script is told where to solve.
	s.level(shop.Calm)
	plain := visitMall(t, b, s)
	plain.Go(s.at("loewen", "/"))
	plain.Await(`document.getElementById("home")`)
	s.level(shop.Heavy)
	if got, want := chrome.Eval[string](plain.Tab, put), `429 {"error":"challenge_required","url":"/.theriac/challenge"}`; got != want {
		t.Errorf("a script without the snippet got %q, want %q", got, want)
	}
	if got := len(w.here().to("/api/basket")); got != 5 {
		t.Errorf("the shop got %d baskets, want five", got)
	}
}

// TestAttackBegins: a shop comes under attack while a customer writes. His time stamp
// is too young to vouch for him, so his order is challenged once, and arrives once.
func TestAttackBegins(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names}})
	const want = "GET 200, POST 503, POST 303"
	for _, level := range []shop.Level{shop.Attack, shop.Heavy} {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			s := openMall(t, plan{})
			w := visitMall(t, b, s)
			w.open("/product/magentee", "article.product")
			w.Click("article.product form button")
			w.arrive("/cart", "table.lines")
			w.open("/checkout", "#reference")
			w.write()
			s.level(level)
			w.Click("form.split button.full")
			w.arrive("/checkout/done", ".facts")
			if got := w.way("/checkout", 0); got != want {
				t.Errorf("the order took %s, want %s", got, want)
			}
			if got := w.here().OrdersFor(w.reference()); len(got) != 1 {
				t.Errorf("%d orders arrived, want one", len(got))
			}
		})
	}
}
