package browser

import (
	"bytes"
	_ "embed" // the page, its style and its script
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed solver.js
	solverJS string
	//go:embed page.js
	pageJS string

	// Both are the same for everybody, so that the policy can name them by
	// their hashes.
	style  = Tight(pageCSS, "{};:,")
	script = "(()=>{" + Tight(addresses+solverJS+pageJS, operators) + "})()"

	pageTemplate = template.Must(template.New("page").Parse(marked.Replace(pageHTML)))
)

// addresses tells the script what to talk to.
var addresses = fmt.Sprintf("const challengePath = %q, passPath = %q;\n", ChallengePath, PassPath)

// A Page is the page of one shop in one language, ready to be filled. Any
// number of goroutines may fill it at once.
type Page struct {
	waits, stays form // with a way for visitors without JavaScript, and without
}

// A form is a page in pieces; a piece ends where something differs by visitor.
type form []piece

type piece struct {
	static   []byte
	deflated []byte // static, as deflate blocks that end at a byte
	then     rune   // which value follows
}

// What stands in the template where a value goes. It is for the private use of
// programs, so no shop needs it in its name; render sees to that.
const (
	tokenHere rune = '\uE000' + iota
	referenceHere
	waitHere
	delayHere
	nothing
)

var marked = strings.NewReplacer("[[token]]", string(tokenHere), "[[reference]]", string(referenceHere),
	"[[wait]]", string(waitHere), "[[delay]]", string(delayHere))

// A sheet is what the templates are filled with.
type sheet struct {
	text
	Shop   Shop
	Dial   string
	Style  template.CSS
	Script template.JS
	Waits  bool // there is a way without JavaScript
	Note   *note
}

// NewPage renders the page of one shop in one language. It takes about a
// millisecond, so the caller keeps it.
func NewPage(s Shop, language int) *Page {
	var p Page
	for _, waits := range []bool{true, false} {
		html := render("page", s, language, func(fill *sheet) { fill.Waits = waits })
		if waits {
			p.waits = split(html)
		} else {
			p.stays = split(html)
		}
	}
	return &p
}

// render executes one of the templates.
func render(name string, s Shop, language int, more func(*sheet)) []byte {
	plain := func(text string) string {
		return strings.Map(func(r rune) rune {
			if tokenHere <= r && r <= nothing {
				return -1
			}
			return r
		}, text)
	}
	s = Shop{plain(s.Name), plain(s.Phone), plain(s.Imprint)}
	fill := &sheet{text: texts[language], Shop: s, Dial: Dial(s.Phone), Style: template.CSS(style), Script: template.JS(script)}
	more(fill)
	var out bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&out, name, fill); err != nil {
		panic(fmt.Sprintf("browser: rendering a page: %v", err)) // the template is embedded and tested
	}
	return out.Bytes()
}

// split cuts a page where values go.
func split(html []byte) (f form) {
	for {
		end := bytes.IndexFunc(html, func(r rune) bool { return tokenHere <= r && r < nothing })
		if end < 0 {
			return append(f, piece{html, deflate(html, true), nothing})
		}
		then := []rune(string(html[end : end+3]))[0]
		f = append(f, piece{html[:end], deflate(html[:end], false), then})
		html = html[end+3:]
	}
}

// of returns the form of the page for these values.
func (p *Page) of(v *Values) form {
	if goes(v.Wait) {
		return p.waits
	}
	return p.stays
}

// Append appends the page for one visitor.
func (p *Page) Append(dst []byte, v *Values) []byte {
	for _, part := range p.of(v) {
		dst = append(dst, part.static...)
		dst = v.append(dst, part.then)
	}
	return dst
}

// append appends one value, escaped.
func (v *Values) append(dst []byte, which rune) []byte {
	switch which {
	case tokenHere:
		return appendEscaped(dst, v.Token)
	case referenceHere:
		return appendEscaped(dst, v.Reference)
	case waitHere:
		return appendEscaped(dst, v.Wait)
	case delayHere:
		return strconv.AppendInt(dst, int64(max(v.Delay, 0)), 10)
	}
	return dst
}

// appendEscaped appends text as the value of an attribute or the text of an
// element; html.EscapeString would allocate.
func appendEscaped(dst []byte, text string) []byte {
	for i := range min(len(text), maxValue) {
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

// Dial is a telephone number as RFC 3966 has it, without spaces.
func Dial(phone string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("+0123456789", r) {
			return r
		}
		return -1
	}, phone)
}
