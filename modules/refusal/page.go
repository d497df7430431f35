package refusal

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"strconv"
	"sync"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/shop"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
	style        = browser.Tight(pageCSS, "{};:,")
)

// pages are the rendered pages. A template takes tens of microseconds, a
// refusal may not, so a page is rendered once for each shop and language.
type pages struct{ rendered sync.Map } // pageKey to *page

type pageKey struct {
	contact  shop.Contact
	language int
	blocked  bool
}

// A page is its parts around the places that differ by visitor: the seconds,
// unless no waiting helps, and the reference.
type page struct {
	blocked bool
	parts   [][]byte
	policy  []string
}

// What stands in the template where the seconds and the reference go. Neither
// can come from a shop's name, which html/template escapes.
const (
	secondsHere   = "<!--seconds-->"
	referenceHere = "<!--reference-->"
)

func (p *pages) of(contact shop.Contact, acceptLanguage string, blocked bool) *page {
	key := pageKey{contact, browser.Choose(acceptLanguage), blocked}
	if known, ok := p.rendered.Load(key); ok {
		return known.(*page)
	}
	known, _ := p.rendered.LoadOrStore(key, render(contact, textIn(key.language), blocked))
	return known.(*page)
}

func render(contact shop.Contact, t text, blocked bool) *page {
	hash := sha256.Sum256([]byte(style))
	var out bytes.Buffer
	err := pageTemplate.Execute(&out, struct {
		text
		IsBlocked     bool
		Contact       shop.Contact
		Dial          string
		Style         template.CSS
		SecondsHere   template.HTML
		ReferenceHere template.HTML
	}{t, blocked, contact, browser.Dial(contact.Phone), template.CSS(style), secondsHere, referenceHere})
	if err != nil {
		panic(fmt.Sprintf("refusal: rendering the page: %v", err)) // the template is embedded and tested
	}
	before, rest, found := bytes.Cut(out.Bytes(), []byte(secondsHere))
	if !found {
		before, rest = nil, out.Bytes()
	}
	middle, after, _ := bytes.Cut(rest, []byte(referenceHere))
	return &page{
		blocked: blocked,
		parts:   [][]byte{before, middle, after},
		policy: []string{"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(hash[:]) + "'"},
	}
}

// fill appends the page for one visitor.
func (p *page) fill(body []byte, wait int64, reference string) []byte {
	if !p.blocked {
		body = append(body, p.parts[0]...)
		body = strconv.AppendInt(body, wait, 10)
	}
	body = append(body, p.parts[1]...)
	body = append(body, reference...)
	return append(body, p.parts[2]...)
}
