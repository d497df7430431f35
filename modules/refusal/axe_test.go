package refusal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
)

// TestPagesAreAccessible: both pages, in each language, for everybody.
func TestPagesAreAccessible(t *testing.T) {
	axe := need.Axe(t)
	contact := shop.Contact{Name: "Löwen-Apotheke Sachsenhausen", Phone: "+49 69 9000 9147", Imprint: "/impressum"}
	rendered := new(pages)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		language, kind, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		page := rendered.of(contact, language, kind == "blocked")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header()["Content-Security-Policy"] = page.policy
		_, _ = w.Write(page.fill(nil, 42, "abcd-efgh"))
	}))
	t.Cleanup(server.Close)
	visitor := chrome.Start(t, chrome.Options{})
	for language := range browser.Languages {
		words := browser.WordsIn(language)
		t.Run(words.Language, func(t *testing.T) {
			var sights []chrome.Sight
			for _, kind := range []string{"wait", "blocked"} {
				sights = append(sights, chrome.Sight{
					Name: words.Language + "-" + kind, URL: server.URL + "/" + words.Language + "/" + kind, Direction: words.Direction,
				})
			}
			visitor.Accessible(t, axe, sights...)
		})
	}
}
