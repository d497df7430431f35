package browser

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// Most customers' browsers can all that the challenge asks of them. These are
// the others.

// TestWalkWithoutWorkers: a policy that forbids workers makes it slower, and
// that is all.
func TestWalkWithoutWorkers(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{rest: `header >Content-Security-Policy "worker-src blob:" "worker-src 'none'"` + "\n"})
	s.level(shop.Heavy)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	w.open("/", ".hero")
	if got, want := w.way("/", 0), "GET 503, GET 200"; got != want {
		t.Errorf("the visitor's way was %s, want %s", got, want)
	}
	if !slices.ContainsFunc(w.Complaints(), func(c string) bool { return strings.Contains(c, "violates worker-src") }) {
		t.Errorf("the browser complains of %q: was the policy in force?", w.Complaints())
	}
}

// TestWalkWithoutCookies: a visitor that forbids cookies is told so, once. Whatever goes
// round in a circle would be a flood of its own.
func TestWalkWithoutCookies(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}, NoCookies: true}), s)
	w.Go(s.at("loewen", "/"))
	w.See("#cookies h1")
	time.Sleep(3 * time.Second) // in which a circle would be seen
	w.says("Please allow cookies")
	w.got("GET / 503", "POST /.theriac/challenge 204", "GET /.theriac/pass 403")
	w.counts(map[string]int{"page": 1, "passed": 1, "cookieless": 1})
	w.reaches(0)
}

// visitWithoutScripts comes to an attacked shop with a browser in which scripts are off.
func visitWithoutScripts(t *testing.T, options chrome.Options) *walker {
	t.Helper()
	s := openMall(t, plan{})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, options), s)
	chrome.Call(w.Tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return w
}

// TestWalkWithoutScripts: a visitor without JavaScript waits, and then gets
// a small pass.
func TestWalkWithoutScripts(t *testing.T) {
	t.Parallel()
	t.Run("patient", func(t *testing.T) {
		t.Parallel()
		w := visitWithoutScripts(t, chrome.Options{Flags: []string{names}})
		w.open("/product/magentee?from=mail", "article.product")
		w.got("GET /product/magentee 503", "GET /.theriac/wait 303", "GET /.theriac/wait 303", "GET /product/magentee 200")
		answers := pagesOf(w.Answers())
		if waited := answers[1].Sent - answers[0].Got; waited < 10*time.Second || waited > 15*time.Second {
			t.Errorf("the visitor waited %s, want 10 to 15 s", waited)
		}
		// A form cannot be sent again by a refresh: the page says so.
		w.losePass()
		w.Click("article.product form button")
		w.Await(`location.pathname === "/.theriac/wait"`)
		w.says("send the form once more")
		w.Back(1)
		w.Await(`location.pathname !== "/.theriac/wait"`)
		w.Back(1)
		w.arrive("/product/magentee", "article.product")
		w.Click("article.product form button")
		w.arrive("/cart", "table.lines")
		w.counts(map[string]int{"page": 2, "waited": 2, "returned": 2})
		if got := len(w.here().to("/cart")); got != 1 {
			t.Errorf("the shop got the form %d times, want once", got)
		}
	})
	t.Run("impatient", func(t *testing.T) {
		t.Parallel()
		w := visitWithoutScripts(t, chrome.Options{Flags: []string{names}})
		w.Go(w.mall.at(w.shop, "/"))
		w.Click("a.go")
		w.arrive("/", ".hero")
		w.got("GET / 503", "GET /.theriac/wait 503", "GET /.theriac/wait 303", "GET /.theriac/wait 303", "GET / 200")
		w.counts(map[string]int{"page": 1, "early": 1, "waited": 1, "returned": 1})
	})
	t.Run("without cookies, too", func(t *testing.T) {
		t.Parallel()
		w := visitWithoutScripts(t, chrome.Options{Flags: []string{names}, NoCookies: true})
		w.Go(w.mall.at(w.shop, "/"))
		w.Await(`location.pathname === "/.theriac/wait"`)
		time.Sleep(3 * time.Second) // in which a circle would be seen
		w.says("Please allow cookies")
		w.got("GET / 503", "GET /.theriac/wait 303", "GET /.theriac/wait 403")
		w.counts(map[string]int{"page": 1, "waited": 1, "cookieless": 1})
		w.reaches(0)
	})
}

// TestWalkInArabic: a visitor that reads from right to left gets a page that is written
// so, and goes on like everybody else.
func TestWalkInArabic(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{})
	s.level(shop.Heavy)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	chrome.Call(w.Tab, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Accept-Language": "ar-EG,ar;q=0.9,en;q=0.8"},
	})
	// The answer is held back, so that there is time for a look.
	held := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/.theriac/challenge"}}}
	chrome.Call(w.Tab, fetch.Enable, held)
	w.Go(s.at("loewen", "/"))
	w.Await(`document.getElementById("bar")?.value === 32`)
	if got := chrome.Eval[string](w.Tab, `document.documentElement.lang + " " + getComputedStyle(document.querySelector("h1")).direction`); got != "ar rtl" {
		t.Errorf("the page is %s, want ar rtl", got)
	}
	right := `(() => { const r = document.createRange(); r.selectNodeContents(document.querySelector("h1"));
		return document.querySelector("main").getBoundingClientRect().right - r.getBoundingClientRect().right })()`
	if got := chrome.Eval[float64](w.Tab, right); got < 0 || got > 80 {
		t.Errorf("the heading ends %.0f pixels from the right, want it to begin there", got)
	}
	t.Log(w.Screenshot("challenge-ar"))
	chrome.Call(w.Tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 2, Mobile: true})
	if got := chrome.Eval[float64](w.Tab, `document.documentElement.scrollWidth`); got > 360 {
		t.Errorf("on a telephone the page is %.0f pixels wide, want at most 360", got)
	}
	t.Log(w.Screenshot("challenge-ar-phone"))
	chrome.Call(w.Tab, fetch.Disable, struct{}{})
	w.arrive("/", ".hero")
}
