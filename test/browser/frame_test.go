package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/kit"
)

// payment is a shop whose page /pay has a frame for the customer's bank, one for files,
// and a form that sends into it.
func payment() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body := "<p id=done>" + r.Method
		if r.URL.Path == "/pay" {
			body = `<p id=home>pay</p><iframe id=bank></iframe><iframe name=up hidden></iframe>
				<form id=file method=post target=up enctype=multipart/form-data action=/upload><input name=note value="für später"></form>`
		}
		_, _ = io.WriteString(w, `<!doctype html><title>shop</title><link rel=icon href="data:,">`+body)
	})
}

// openBank opens a bank: it sends its customers' browsers on to ?to= with a form. At /service
// is a payment service that has the bank in a frame.
func openBank(t *testing.T) (at string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/service" {
			fmt.Fprintf(w, `<title>service</title><iframe src="/?to=%s"></iframe>`, url.QueryEscape(r.FormValue("to")))
			return
		}
		fmt.Fprintf(w, `<title>bank</title><form method=post action=%q><input name=cres value="eyJ0cmFuc1N0YXR1cyI6IlkifQ=="></form>
			<script>setTimeout(() => document.forms[0].submit(), 100)</script>`, r.FormValue("to"))
	}))
	t.Cleanup(server.Close)
	return "https://bank.example:" + kit.PortOf(server.Listener.Addr().String())
}

// TestFrames: what happens in frames of the shop's page is challenged and solved there, and
// arrives once: 3-D Secure and uploads.
func TestFrames(t *testing.T) {
	t.Parallel()
	bank := openBank(t)
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	toBank := func(s *mall) string {
		to := bank + "/?to=" + url.QueryEscape(s.at("loewen", "/checkout/return"))
		return fmt.Sprintf(`document.getElementById("bank").src = %q`, to)
	}
	for name, c := range map[string]struct {
		rest   string // of the shop's configuration
		script func(*mall) string
		path   string
		body   string
		want   int // requests that the shop gets
	}{
		"the bank's": {script: toBank, path: "/checkout/return", body: cres, want: 1},
		"hidden": {
			script: func(*mall) string { return `document.getElementById("file").submit()` },
			path:   "/upload", want: 1,
		},
		"the control: no frame allowed": {
			rest:   `header >Content-Security-Policy "frame-ancestors \*" "frame-ancestors 'none'"` + "\n",
			script: toBank, path: "/checkout/return",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openMall(t, plan{scheme: "https", instead: payment(), rest: c.rest})
			w := visitMall(t, b, s)
			w.Go(s.at("loewen", "/pay"))
			w.Await(`document.readyState === "complete" && document.getElementById("file")`)
			s.level(shop.Attack)
			chrome.Eval[chromedp.Void](w.Tab, "void ("+c.script(s)+")")
			if c.want > 0 {
				kit.Eventually(t, 20*time.Second, "the shop gets what the frame sent", func() bool { return len(w.here().to(c.path)) > 0 })
			}
			time.Sleep(2 * time.Second) // in which more would come
			got := w.here().to(c.path)
			if len(got) != c.want || c.body != "" && c.want > 0 && got[0].body != c.body {
				t.Errorf("the shop got %q, want %d times %q", got, c.want, c.body)
			}
			if n := outcomes(t, s.edge, "loewen"); n["passed"] != c.want {
				t.Errorf("the edge counts %v, want %d passes", n, c.want)
			}
		})
	}
}
