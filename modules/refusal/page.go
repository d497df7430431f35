package refusal

import (
	_ "embed" // the page and its style
	"strconv"
	"strings"
	"sync"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/webpage"
)

//go:generate go tool -modfile=../../tools/go.mod esbuild --minify --target=chrome70,firefox68,safari12 --charset=utf8 --log-level=warning --outdir=. --out-extension:.css=.min.css page.css

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.min.css
	pageCSS string

	style        = strings.TrimSpace(pageCSS)
	pageTemplate = webpage.Parse(pageHTML, "seconds", "reference")

	policy = []string{"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src " + webpage.CSPHash(style)}
)

// pages are the rendered pages. A template takes tens of microseconds, a
// refusal may not, so a page is rendered once for each shop and language.
type pages struct{ rendered sync.Map } // pageKey to webpage.Page

type pageKey struct {
	contact  shop.Contact
	language int
	blocked  bool
}

// page returns the page for a visitor: if waiting does not help the visitor,
// the one that says so.
func (p *pages) page(contact shop.Contact, acceptLanguage string, blocked bool) webpage.Page {
	key := pageKey{contact, webpage.Negotiate(acceptLanguage), blocked}
	if known, ok := p.rendered.Load(key); ok {
		return known.(webpage.Page)
	}
	known, _ := p.rendered.LoadOrStore(key, render(key))
	return known.(webpage.Page)
}

func render(key pageKey) webpage.Page {
	return pageTemplate.Render("page", struct {
		webpage.Base
		text
		IsBlocked bool
	}{webpage.NewBase(key.language, webpage.Shop(key.contact), style), texts[key.language], key.blocked})
}

// appendPage appends the page for one visitor.
func appendPage(body []byte, page webpage.Page, wait int64, reference string) []byte {
	return page.Append(body, strconv.FormatInt(wait, 10), reference)
}
