package refusal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/webpage"
)

// TestPagesAreAccessible: both pages, in each language.
func TestPagesAreAccessible(t *testing.T) {
	axe := need.Axe(t)
	contact := shop.Contact{Name: "Löwen-Apotheke Sachsenhausen", Phone: "+49 69 9000 9147", Imprint: "/impressum"}
	rendered := new(pages)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		language, kind, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		page := rendered.page(contact, language, kind == "blocked")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header()["Content-Security-Policy"] = policy
		_, _ = w.Write(appendPage(nil, page, 42, "abcd-efgh"))
	}))
	t.Cleanup(server.Close)
	visitor := chrome.Start(t, chrome.Options{})
	for language := range webpage.Languages {
		labels := webpage.LabelsOf(language)
		t.Run(labels.Language, func(t *testing.T) {
			var sights []chrome.Sight
			for _, kind := range []string{"wait", "blocked"} {
				sights = append(sights, chrome.Sight{
					Name: labels.Language + "-" + kind, URL: server.URL + "/" + labels.Language + "/" + kind, Direction: labels.Direction,
				})
			}
			visitor.Accessible(t, axe, sights...)
		})
	}
}
