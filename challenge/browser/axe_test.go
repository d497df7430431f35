package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/webpage"
)

// gallery serves each page of a language, as /de/work: work is in the middle
// of it, failed at its end, and the others say what they say.
func gallery(t *testing.T) *httptest.Server {
	t.Helper()
	shop := webpage.Shop{Name: "Löwen-Apotheke Sachsenhausen", Phone: "+49 69 9000 9147", Imprint: "/impressum"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, rest, _ := strings.Cut(r.URL.Path, "/")
		tag, kind, _ := strings.Cut(rest, "/")
		language := webpage.Negotiate(tag)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch kind {
		case "blocked":
			w.Header().Set("Content-Security-Policy", NoticePolicy())
			_, _ = w.Write(CookiesPage(shop, language))
		case "sent":
			w.Header().Set("Content-Security-Policy", NoticePolicy())
			_, _ = w.Write(ResendPage(shop, language))
		case "work", "failed", "cookies":
			page := NewPage(shop, language)
			w.Header().Set("Content-Security-Policy", page.Policy())
			v := visitor
			v.Token = strings.Repeat("A", 59) // of no parts: it is never done
			_, _ = w.Write(page.Append(nil, &v))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// stages brings a page that does not get on to what its visitors see.
var stages = map[string]string{
	"work":    `bar.max = 32; bar.value = 13; say.textContent = say.dataset.slow`,
	"failed":  `bar.max = bar.value = 32; say.textContent = say.dataset.failed; on.hidden = false`,
	"cookies": `work.hidden = say.hidden = true; cookies.hidden = false`,
	"blocked": ``,
	"sent":    ``,
}

// Every page is accessible. go test -run Accessible -artifacts keeps the
// pictures.
func TestPagesAreAccessible(t *testing.T) {
	axe := need.Axe(t)
	server := gallery(t)
	browser := chrome.Start(t, chrome.Options{})
	for i := range webpage.Languages {
		text := webpage.LabelsOf(i)
		t.Run(text.Language, func(t *testing.T) {
			var sights []chrome.Sight
			for kind, stage := range stages {
				sights = append(sights, chrome.Sight{
					Name: text.Language + "-" + kind, URL: server.URL + "/" + text.Language + "/" + kind, Script: stage, Direction: text.Direction,
				})
			}
			browser.Accessible(t, axe, sights...)
		})
	}
}
