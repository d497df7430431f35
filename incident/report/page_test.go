package report

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
)

// strict is the policy that a report must satisfy.
const strict = "default-src 'none'; style-src 'unsafe-inline'"

// TestPageIsAccessible: axe finds nothing in light or dark, it fits on a phone, and the browser
// asks for nothing but the page. With -artifacts the pictures are kept, printed ones too.
func TestPageIsAccessible(t *testing.T) {
	axe := need.Axe(t)
	pages := map[string][]byte{}
	for _, name := range []string{"flood", "campaign"} {
		var page bytes.Buffer
		if err := of(t, name).HTML(&page); err != nil {
			t.Fatal(err)
		}
		pages["/"+name] = page.Bytes()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", strict)
		_, _ = w.Write(page)
	}))
	t.Cleanup(server.Close)
	browser := chrome.Start(t, chrome.Options{Flags: []string{"hide-scrollbars"}}) // as on phones
	var sights []chrome.Sight
	for path := range pages {
		sights = append(sights, chrome.Sight{
			Name: strings.Trim(path, "/"), URL: server.URL + path, Direction: "ltr",
			Script: `document.querySelector("details").open = true`,
		})
	}
	browser.Accessible(t, axe, sights...)

	tab := browser.Visit(t)
	tab.Do(chromedp.EmulateViewport(794, 1123), chromedp.Navigate(server.URL+"/flood"))
	chrome.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	tab.Screenshot("flood-print")
	if !chrome.Eval[bool](tab, `[...document.querySelectorAll("details")].every((d) => d.querySelector("table").checkVisibility({contentVisibilityAuto: true}))`) {
		t.Error("the figures of a plot are not printed")
	}
	for _, a := range tab.Answers() {
		if a.Path != "/flood" {
			t.Errorf("the report made the browser ask for %v", a)
		}
	}
}
