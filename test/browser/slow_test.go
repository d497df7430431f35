package browser

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// TestWalkWithScriptsBlocked: scripts are on, and an add-on forbids ours by a policy of its
// own. The customer waits, as without scripts.
func TestWalkWithScriptsBlocked(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{instead: checkout(), rest: "header {\n\t+Content-Security-Policy \"script-src 'none'\"\n\tdefer\n}\n"})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	w.Go(s.at("loewen", "/"))
	w.See("a.go")
	w.says("JavaScript is switched off or blocked")
	t.Log(w.Screenshot("challenge-blocked"))
	w.Await(`document.getElementById("home")`)
	w.got("GET / 503", "GET /.theriac/wait 303", "GET /.theriac/wait 303", "GET / 200")
	w.counts(map[string]int{"page": 1, "waited": 1, "returned": 1})
}

// TestWalkWithoutCompiler: a browser that interprets scripts, as the lockdown modes do, waits
// no longer than one without scripts, and its form arrives.
func TestWalkWithoutCompiler(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{instead: payment()})
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names, "js-flags=--jitless"}}), s)
	w.Go(s.at("loewen", "/pay"))
	w.Await(`document.querySelector("form")`)
	s.level(shop.Heavy)
	began := time.Now()
	chrome.Eval[any](w.Tab, `void document.querySelector("form").removeAttribute("target")`)
	chrome.Eval[any](w.Tab, `void document.querySelector("form").submit()`)
	w.Await(`document.getElementById("done")`)
	if took := time.Since(began); took > 26*time.Second {
		t.Errorf("the customer waits %s, want the 20 s of visitors without JavaScript", took)
	}
	if got := w.here().to("/upload"); len(got) != 1 {
		t.Errorf("the shop got %q, want one form", got)
	}
	if got := outcomes(t, s.edge, "loewen"); got["waited"] != 1 || got["passed"] != 0 {
		t.Errorf("the edge counts %v, want that the browser waits", got)
	}
}

// between puts a proxy between customer and edge. It gives the page's script a word that no
// browser knows if old is set, as if it was written in a later language, and forbids to wait
// unless waits is.
func (s *mall) between(old, waits bool) {
	s.t.Helper()
	to, err := url.Parse("http://" + s.edge.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = "loewen.example:" + to.Port()
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			if !old {
				return nil
			}
			page, err := io.ReadAll(r.Body)
			page = bytes.Replace(page, []byte("<script>(()=>{"), []byte("<script>(()=>{#word;"), 1)
			r.Body = io.NopCloser(bytes.NewReader(page))
			r.Header.Del("Content-Length")
			r.Header.Del("Content-Security-Policy") // it names the script by its hash
			return err
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !waits && r.URL.Path == "/.theriac/wait" {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	s.t.Cleanup(server.Close)
	s.edge.Addr = server.Listener.Addr().String()
}

// TestWalkWithWeakBrowsers: whatever keeps the page's script from working, the customer gets
// to the shop. The control: it is the wait that leads there, and without it nothing else does.
func TestWalkWithWeakBrowsers(t *testing.T) {
	t.Parallel()
	b := chrome.Start(t, chrome.Options{Flags: []string{names}})
	for name, c := range map[string]struct {
		rest string
		noJS bool
		old  bool
	}{
		"scripts are blocked": {rest: "header {\n\t+Content-Security-Policy \"script-src 'none'\"\n\tdefer\n}\n"},
		"scripts are off":     {noJS: true},
		"an old browser":      {old: true},
	} {
		for _, waits := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, waits %v", name, waits), func(t *testing.T) {
				t.Parallel()
				s := openMall(t, plan{instead: checkout(), rest: c.rest})
				s.level(shop.Attack)
				s.between(c.old, waits)
				w := visitMall(t, b, s)
				chrome.Call(w.Tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: c.noJS})
				w.Go(s.at("loewen", "/"))
				want := map[string]int{"page": 1}
				if waits {
					want["waited"], want["returned"] = 1, 1
					w.Await(`document.getElementById("home")`)
				} else {
					time.Sleep(15 * time.Second) // of which the wait takes 11
				}
				w.counts(want)
			})
		}
	}
}
