package webpage

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
)

// Shop is what the pages show of the shop.
type Shop struct {
	Name    string
	Phone   string // optional
	Imprint string // the URL or path of the legal notice; optional
}

// Base is what every template shows. A package embeds it in the data of its own
// templates.
type Base struct {
	Labels
	Shop  Shop
	Dial  string // the shop's number for tel: links
	Style template.CSS
}

// NewBase returns the base of a page in one language. The style must be trusted.
func NewBase(language int, s Shop, style string) Base {
	s = Shop{Name: withoutSlots(s.Name), Phone: withoutSlots(s.Phone), Imprint: withoutSlots(s.Imprint)}
	return Base{Labels: labels[language], Shop: s, Dial: Dial(s.Phone), Style: template.CSS(style)}
}

// Dial returns a telephone number as RFC 3966 writes it: without spaces.
func Dial(phone string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+0123456789", r) {
			return r
		}
		return -1
	}, phone)
}

// CSPHash returns the source expression that allows one inline script or style
// in a Content-Security-Policy (CSP3, section 2.3.1).
func CSPHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A slot is where a value of one visitor goes into a page. While a template is
// executed, a private-use code point marks it: no shop needs one in its name, and
// withoutSlots removes them.
const firstSlot = '\uE000'

const maxSlots = 16

func isSlot(r rune) bool { return firstSlot <= r && r < firstSlot+maxSlots }

func withoutSlots(text string) string {
	return strings.Map(func(r rune) rune {
		if isSlot(r) {
			return -1
		}
		return r
	}, text)
}

// A Template is a html/template whose pages have slots.
type Template struct{ html *template.Template }

// Parse reads the text of a template. In it, [[name]] is the slot with that name,
// in the text of an element or in a quoted attribute. Parse panics if the text is
// not a template: it is part of the program.
func Parse(text string, slots ...string) *Template {
	if len(slots) > maxSlots {
		panic("webpage: too many slots")
	}
	for i, slot := range slots {
		text = strings.ReplaceAll(text, "[["+slot+"]]", string(firstSlot+rune(i)))
	}
	return &Template{template.Must(template.New("page").Parse(text))}
}

// Render executes the template, or one that it defines, and returns the page with
// empty slots. It takes about a millisecond, so callers keep the page.
func (t *Template) Render(name string, data any) Page {
	var out bytes.Buffer
	if err := t.html.ExecuteTemplate(&out, name, data); err != nil {
		panic(fmt.Sprintf("webpage: rendering %s: %v", name, err)) // templates are embedded and tested
	}
	return split(out.Bytes())
}

// A Page is a rendered page with slots. Any number of goroutines may fill it at
// once.
type Page []part

// A part is a piece of a page that is the same for all visitors, and the slot
// that follows it.
type part struct {
	static   []byte
	deflated []byte // static, as deflate blocks that end at a byte
	slot     int    // noSlot at the end of the page
}

const noSlot = -1

// split cuts a page at its slots.
func split(html []byte) (p Page) {
	for {
		end := bytes.IndexFunc(html, isSlot)
		if end < 0 {
			return append(p, part{html, deflate(html, true), noSlot})
		}
		slot := []rune(string(html[end : end+len(string(firstSlot))]))[0]
		p = append(p, part{html[:end], deflate(html[:end], false), int(slot - firstSlot)})
		html = html[end+len(string(firstSlot)):]
	}
}

// Append appends the page for one visitor: values are those of the slots, in the
// order that Parse got their names in. Each is escaped, and cut after MaxValue
// bytes.
func (p Page) Append(dst []byte, values ...string) []byte {
	for i := range p {
		dst = append(dst, p[i].static...)
		if p[i].slot != noSlot {
			dst = appendEscaped(dst, values[p[i].slot])
		}
	}
	return dst
}

// MaxValue is how many bytes of a value are shown. Escaped, they fit into one
// stored block of deflate.
const MaxValue = 8 << 10

// appendEscaped appends text as the value of an attribute or the text of an
// element; html.EscapeString would allocate.
func appendEscaped(dst []byte, text string) []byte {
	for i := range min(len(text), MaxValue) {
		switch c := text[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&#34;"...)
		case '\'':
			dst = append(dst, "&#39;"...)
		case 0:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
