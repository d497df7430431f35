package refusal

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"sync"

	"github.com/theriac-edge/theriac/shop"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
	style        = tight(pageCSS)
)

// tight takes out of a style what only its authors need: each byte is sent to
// every refused visitor.
func tight(css string) string {
	return strings.NewReplacer("\n", "", ": ", ":", "; ", ";", " { ", "{", "{ ", "{", ";}", "}", "; }", "}", " }", "}", ", ", ",").Replace(css)
}

// texts are what a refused visitor reads, by language. The first one is for
// everybody whose language is not here.
var texts = []text{
	{
		Language: "de", Title: "Bitte einen Moment Geduld",
		Explain: "Gerade kommen sehr viele Anfragen auf einmal an. Damit der Shop für alle erreichbar bleibt, haben wir diese Anfrage angehalten.",
		Safe:    "Ihr Warenkorb ist nicht verloren. Wenn Sie gerade etwas abgeschickt haben, gehen Sie im Browser zurück und senden es noch einmal.",
		Wait:    "Sekunden bis zum nächsten Versuch", Again: "Noch einmal versuchen",
		Phone: "Telefonisch bestellen", Imprint: "Impressum", Reference: "Kennung für Rückfragen",
		Blocked:     "Das hat leider nicht geklappt",
		BlockedWhy:  "In dem, was Ihr Browser gesendet hat, steht etwas, das wie ein Angriff auf den Shop aussieht. Deshalb haben wir es angehalten. Das kann ein Irrtum sein.",
		BlockedNext: "Gehen Sie im Browser zurück und versuchen Sie es mit anderen Worten, ohne Sonderzeichen. Hilft das nicht, rufen Sie uns an und nennen Sie die Kennung unten.",
	},
	{
		Language: "en", Title: "One moment, please",
		Explain: "Very many requests are arriving at once. We have paused this one so that the shop stays open for everyone.",
		Safe:    "Your cart is not lost. If you have just sent something, go back in your browser and send it again.",
		Wait:    "Seconds until you can try again", Again: "Try again",
		Phone: "Order by telephone", Imprint: "Legal notice", Reference: "Reference for questions",
		Blocked:     "Sorry, that did not work",
		BlockedWhy:  "Something in what your browser sent looks like an attack on the shop, so we have stopped it. That may be a mistake.",
		BlockedNext: "Go back in your browser and try other words, without special characters. If that does not help, call us and tell us the reference below.",
	},
}

type text struct {
	Language, Title, Explain, Safe, Wait, Again, Phone, Imprint, Reference string

	// For a request that no waiting helps.
	Blocked, BlockedWhy, BlockedNext string
}

// pages are the rendered pages. A template takes tens of microseconds, a
// refusal may not, so a page is rendered once for each shop and language.
type pages struct{ rendered sync.Map } // pageKey to *page

type pageKey struct {
	contact  shop.Contact
	language string
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
	t := texts[choose(acceptLanguage)]
	key := pageKey{contact, t.Language, blocked}
	if known, ok := p.rendered.Load(key); ok {
		return known.(*page)
	}
	known, _ := p.rendered.LoadOrStore(key, render(contact, t, blocked))
	return known.(*page)
}

// maxTags bounds the work for hostile headers.
const maxTags = 8

// choose takes the first language of the header that is here. Browsers list
// languages by preference, so the weights need not be read.
func choose(acceptLanguage string) int {
	rest := acceptLanguage
	for range maxTags {
		var tag string
		tag, rest, _ = strings.Cut(rest, ",")
		tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
		primary, _, _ := strings.Cut(tag, "-")
		for i, t := range texts {
			if strings.EqualFold(primary, t.Language) {
				return i
			}
		}
	}
	return 0
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
	}{t, blocked, contact, dial(contact.Phone), template.CSS(style), secondsHere, referenceHere})
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

// dial is a telephone number as RFC 3966 has it, without spaces.
func dial(phone string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+0123456789", r) {
			return r
		}
		return -1
	}, phone)
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
