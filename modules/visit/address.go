package visit

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/shop"
)

// maxDepth is how many segments the path of a claim may have.
const maxDepth = 8

// address is what a claim is judged by: a path that every server reads in the same way,
// and the query beside it.
type address struct {
	path  [maxDepth]string
	depth int
	query string
}

// addressOf splits the request's address. It fails where nginx, PHP and Java may differ on
// what is asked for: escapes, dot segments, path parameters.
func addressOf(r *http.Request) (a address, ok bool) {
	if r.URL.RawPath != "" || isRewritten(r) { // escaped in a way that is not Go's own
		return a, false
	}
	rest := r.URL.Path
	for i := range len(rest) {
		if !isPlain(rest[i]) {
			return a, false
		}
	}
	for rest != "" {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		switch {
		case segment == "":
			continue // servers merge slashes
		case segment == "." || segment == ".." || a.depth == maxDepth:
			return a, false
		}
		a.path[a.depth] = segment
		a.depth++
	}
	a.query = r.URL.RawQuery
	return a, true
}

// isRewritten reports whether a header may replace the address or the method at the shop.
func isRewritten(r *http.Request) bool {
	for _, name := range rewriting {
		if r.Header[name] != nil {
			return true
		}
	}
	return false
}

// rewriting are headers by which some servers replace the address or the method.
var rewriting = []string{"X-Original-Url", "X-Rewrite-Url", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// isPlain reports whether a byte of a path means itself everywhere.
func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/-_.~:@,+=", c) >= 0
}

// last is the last segment, without the names of default actions behind it.
func (a *address) last() int {
	n := a.depth
	for n > 1 && (strings.EqualFold(a.path[n-1], "index") || strings.EqualFold(a.path[n-1], "execute")) {
		n--
	}
	return n - 1
}

// fields calls back with each field of a query until that returns false. It reports
// whether all servers read the same fields: without escapes in names, which PHP decodes,
// and without dots, which it replaces.
func fields(query string, call func(name, value string) bool) bool {
	for query != "" {
		var field string
		field, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(field, "=")
		name, _, list := strings.Cut(name, "[")
		if strings.ContainsAny(name, "%+. ") || strings.Contains(field, ";") || list && chooses(name) || !call(name, value) {
			return false
		}
	}
	return true
}

// choosers are the fields of a query by which shop software chooses the page, whatever the
// path is: OXID, OpenCart, PrestaShop, xt:Commerce, Gambio, WordPress and its search.
var choosers = func() map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq("cl route rest_route wc-api fc module controller page page_action page_id pagename do p s q " +
		"search searchparam ssearch query term keyword keywords name product post_type feed cat anid cnid option view sviewport qs suche suchausdruck") {
		m[name] = true
	}
	return m
}()

// chooses reports whether a field of a query can choose the page.
func chooses(name string) bool {
	var room [maxSegment]byte
	lower, ok := fold(room[:0], name)
	return ok && choosers[string(lower)]
}

// fold appends text in lower case, and reports whether there was room for it.
func fold(room []byte, text string) ([]byte, bool) {
	if len(text) > cap(room) {
		return nil, false
	}
	for i := range len(text) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		room = append(room, c)
	}
	return room, true
}

// pathDecides reports whether no field of the query chooses the page.
func (a *address) pathDecides() bool {
	return fields(a.query, func(name, _ string) bool { return !chooses(name) })
}

// isInstall reports whether the first n segments can be where a shop is installed, its
// language or its front controller, rather than a page.
func (a *address) isInstall(n int) bool {
	if n > 2 {
		return false
	}
	for _, segment := range a.path[:n] {
		if strings.EqualFold(segment, "index.php") || strings.EqualFold(segment, "shopware.php") {
			continue
		}
		if _, page := lookUp(segments, segment); page || strings.Contains(segment, ".") {
			return false
		}
	}
	return true
}

// isBelow reports whether the first n segments can stand before a notification: no script,
// whose rest would be its argument, and no page that customers open.
func (a *address) isBelow(n int) bool {
	for _, segment := range a.path[:n] {
		if strings.Contains(segment, ".") {
			return false
		}
		if class, found := lookUp(segments, segment); found && class != shop.API && class != shop.Checkout {
			return false
		}
	}
	return true
}
