package demoshop

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by file name, each with the layout around it.
var pages = func() map[string]*template.Template {
	all := make(map[string]*template.Template)
	for _, name := range []string{
		"home.html", "product.html", "search.html", "cart.html", "login.html", "account.html",
		"checkout.html", "done.html", "prescription.html", "message.html", "refusal.html",
	} {
		all[name] = template.Must(template.ParseFS(templateFiles, "templates/layout.html", "templates/"+name))
	}
	return all
}()

// view is what every template sees; Body is the page's own.
type view struct {
	Shop      Config
	Lang      lang
	Title     string
	Path      string
	Query     string
	CartCount int
	SignedIn  string
	Body      any

	version string
	r       *http.Request
}

// T returns a text in the visitor's language.
func (v view) T(key string) (string, error) { return v.Lang.text(key) }

// Money formats a price for the visitor's language.
func (v view) Money(c Cents) string { return v.Lang.money(c) }

// Asset returns the URL of a static file, which changes with its content.
func (v view) Asset(name string) string { return "/static/" + name + "?v=" + v.version }

// In returns the URL of this page in another language.
func (v view) In(language string) string {
	q := v.r.URL.Query()
	q.Set("lang", language)
	return v.r.URL.Path + "?" + q.Encode()
}

// Image returns the URL of a product's picture.
func (v view) Image(product string) string { return v.Asset("img/" + product + ".svg") }

// With returns the view with another body, for a part of the page.
func (v view) With(body any) view {
	v.Body = body
	return v
}

// Product returns a product's name.
func (v view) Product(id string) string { return productsByID[id].Name.In(v.Lang) }

// render writes a page; titleKey names its title.
func (s *Shop) render(w http.ResponseWriter, r *http.Request, status int, name, titleKey string, body any) {
	v := view{
		Shop:     s.config,
		Lang:     pickLanguage(r, s.cookieName("lang"), s.config.Language),
		Path:     r.URL.Path,
		Query:    query(r),
		SignedIn: s.signedIn(r),
		Body:     body,
		version:  s.version,
		r:        r,
	}
	for _, l := range s.carts.lines(s.cartID(r)) {
		v.CartCount += l.Quantity
	}
	var b bytes.Buffer
	var err error
	if v.Title, err = v.T(titleKey); err == nil {
		err = pages[name].ExecuteTemplate(&b, "layout.html", v)
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("rendering %s: %v", name, err), http.StatusInternalServerError)
		return
	}
	if r.URL.Query().Get("lang") == v.Lang.String() {
		s.setCookie(w, r, s.cookieName("lang"), v.Lang.String(), 365*24*3600)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Language", v.Lang.String())
	h.Set("Cache-Control", "no-cache, private")
	h.Set("Vary", "Accept-Language, Cookie")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'self'; "+
		"script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// message answers with one sentence and a link back.
func (s *Shop) message(w http.ResponseWriter, r *http.Request, status int, key string) {
	s.render(w, r, status, "message.html", "sorry", key)
}

func (s *Shop) notFound(w http.ResponseWriter, r *http.Request) {
	s.message(w, r, http.StatusNotFound, "not_found")
}

func (s *Shop) home(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "home.html", "welcome", struct {
		Products   []Product
		Categories []Text
	}{products, categories})
}

// productBody is a product and others of its kind.
type productBody struct {
	Product
	Related []Product
}

func (s *Shop) product(w http.ResponseWriter, r *http.Request) {
	p, ok := productsByID[r.PathValue("id")]
	if !ok {
		s.notFound(w, r)
		return
	}
	body := productBody{Product: p}
	for _, other := range products {
		if other.Category == p.Category && other.ID != p.ID && len(body.Related) < 3 {
			body.Related = append(body.Related, other)
		}
	}
	s.render(w, r, http.StatusOK, "product.html", "product", body)
}

func (s *Shop) search(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "search.html", "search", find(query(r)))
}

// query is what the visitor searches for, cut to a sensible length.
func query(r *http.Request) string {
	q := strings.TrimSpace(strings.ToValidUTF8(r.URL.Query().Get("q"), ""))
	if utf8.RuneCountInString(q) > 80 {
		q = string([]rune(q)[:80])
	}
	return q
}
