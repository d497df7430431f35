package browser

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// twoHosts is a shop whose pages at www ask its API at api.
func twoHosts() http.Handler {
	inner := checkout()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
		inner.ServeHTTP(w, r)
	})
}

// TestPassOfDomain: with cookie_domain the API of a shop takes the pass of its pages.
func TestPassOfDomain(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	for name, c := range map[string]struct {
		words, cookie, want string
		challenged          string // the way to the shop's other host
	}{
		"shared":      {"challenge auto {\n\tcookie_domain loewen.example\n}\n", "__Secure-theriac", "200", "GET 200"},
		"the control": {"", "__Host-theriac", "429", "GET 503, GET 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openMall(t, plan{scheme: "https", instead: twoHosts(), also: []string{"www.loewen", "api.loewen"}, words: c.words})
			s.level(shop.Attack)
			w := visitMall(t, b, s)
			w.shop = "www.loewen"
			w.Go(s.at("www.loewen", "/"))
			w.Await(`document.getElementById("home")`)
			pass := w.Cookie(s.at("www.loewen", "/"), c.cookie)
			if pass == nil || !pass.Secure || !pass.HTTPOnly || pass.SameSite != network.CookieSameSiteNone {
				t.Fatalf("the pass is %+v", pass)
			}
			ask := fmt.Sprintf(`fetch(%q, { credentials: "include" }).then((r) => "" + r.status, String)`, s.at("api.loewen", "/app"))
			if got := chrome.Eval[string](w.Tab, ask); got != c.want {
				t.Errorf("the API answers %q, want %q", got, c.want)
			}
			before := len(pagesOf(w.Answers()))
			w.shop = "loewen"
			w.Go(s.at("loewen", "/"))
			w.Await(`location.hostname === "loewen.example" && document.getElementById("home")`)
			if got := w.way("/", before); got != c.challenged {
				t.Errorf("at the shop's other host the way was %q, want %q", got, c.challenged)
			}
		})
	}
}

// TestScriptOfOtherHost: a script whose page has no pass yet gets one for the API's host.
func TestScriptOfOtherHost(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	for words, want := range map[string]string{
		"challenge auto {\n\tcookie_domain loewen.example\n}\n": "200",
		"": "429", // the control: a pass for another host is of no use
	} {
		s := openMall(t, plan{scheme: "https", instead: twoHosts(), also: []string{"www.loewen", "api.loewen"}, words: words})
		w := visitMall(t, b, s)
		w.Go(s.at("www.loewen", "/app"))
		w.Await(`document.getElementById("home")`)
		s.level(shop.Attack)
		ask := fmt.Sprintf(`fetch(%q, { credentials: "include" }).then((r) => "" + r.status, String)`, s.at("api.loewen", "/app"))
		if got := chrome.Eval[string](w.Tab, ask); got != want {
			t.Errorf("with %q the API answers %q, want %q", words, got, want)
		}
	}
}
