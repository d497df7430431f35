package browser

import (
	"html/template"
	"strconv"

	"github.com/theriac-edge/theriac/webpage"
)

// A Page is the challenge page of one shop in one language, ready to be filled.
// Any number of goroutines may fill it at once.
type Page struct {
	withWait, withoutWait webpage.Page // with a way on for visitors without JavaScript, and without
}

// pageData is what the templates are executed with.
type pageData struct {
	webpage.Base
	text
	Script  template.JS
	HasWait bool // there is a way on without JavaScript
	Notice  *notice
}

// A notice is a page that only says something: no script, no reload.
type notice struct{ Title, Why, How string }

// NewPage renders the page of one shop in one language. It takes about a
// millisecond, so the caller keeps it.
func NewPage(s webpage.Shop, language int) *Page {
	data := dataOf(s, language)
	p := &Page{withoutWait: pageTemplate.Render("page", data)}
	data.HasWait = true
	p.withWait = pageTemplate.Render("page", data)
	return p
}

func dataOf(s webpage.Shop, language int) *pageData {
	return &pageData{Base: webpage.NewBase(language, s, style), text: texts[language], Script: template.JS(script)}
}

// pageFor returns the variant of the page for these values.
func (p *Page) pageFor(v *Values) webpage.Page {
	if isLocalPath(v.Wait) {
		return p.withWait
	}
	return p.withoutWait
}

// Append appends the page for one visitor.
func (p *Page) Append(dst []byte, v *Values) []byte {
	return p.pageFor(v).Append(dst, v.Token, v.Reference, v.Wait, v.delay(), v.Form)
}

// AppendGzip appends what Append does, as one gzip member.
func (p *Page) AppendGzip(dst []byte, v *Values) []byte {
	return p.pageFor(v).AppendGzip(dst, v.Token, v.Reference, v.Wait, v.delay(), v.Form)
}

func (v *Values) delay() string { return strconv.Itoa(max(v.Delay, 0)) }

// isLocalPath reports whether wait is a path of this host as browsers read it:
// they drop control characters from a URL and take \ for /.
func isLocalPath(wait string) bool {
	if wait == "" || wait[0] != '/' || len(wait) > webpage.MaxValue {
		return false
	}
	if len(wait) > 1 && wait[1] == '/' {
		return false
	}
	for i := range len(wait) {
		if wait[i] < ' ' || wait[i] == 0x7f || wait[i] == '\\' {
			return false
		}
	}
	return true
}

// CookiesPage returns the page for a browser that keeps no cookies. It says what
// to do and goes nowhere by itself: without cookies it would come back for ever.
func CookiesPage(s webpage.Shop, language int) []byte {
	t := &texts[language]
	return noticePage(s, language, notice{t.Cookies, t.CookiesWhy, t.CookiesHow})
}

// ResendPage returns the page for a visitor without JavaScript who had sent a form
// and has waited: a refresh cannot send the form again, but the visitor can.
func ResendPage(s webpage.Shop, language int) []byte {
	t := &texts[language]
	return noticePage(s, language, notice{t.Resend, t.ResendWhy, t.ResendHow})
}

func noticePage(s webpage.Shop, language int, n notice) []byte {
	data := dataOf(s, language)
	data.Notice = &n
	return pageTemplate.Render("notice", data).Append(nil)
}
