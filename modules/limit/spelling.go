package limit

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// respelled returns the request with the plain spelling of its path, if it was sent in
// another one that shop software takes for the same page: with a slash, blanks, dots or
// parameters (;a=1) behind a name, with backslashes, escaped twice, or behind a front
// controller (/index.php/account). It is nil if the spelling is plain, as nearly always.
// Caddy's matchers see to dot segments, case and repeated slashes themselves.
func respelled(r *http.Request) *http.Request {
	plain := plainPath(r.URL.Path)
	if plain == r.URL.Path {
		return nil
	}
	other := new(http.Request)
	*other = *r
	other.URL = new(url.URL)
	*other.URL = *r.URL
	other.URL.Path, other.URL.RawPath = plain, ""
	return other
}

// plainPath returns the plain spelling of a path. It does not allocate if that is the
// path's own.
func plainPath(p string) string {
	if isPlainPath(p) {
		return p
	}
	if twice, err := url.PathUnescape(p); err == nil {
		p = twice
	}
	p = strings.ReplaceAll(p, `\`, "/")
	segments := strings.Split(p, "/")
	plain := segments[:0]
	for i, segment := range segments {
		segment, _, _ = strings.Cut(segment, ";")
		segment, _, _ = strings.Cut(segment, "\x00")
		if segment != "." && segment != ".." {
			segment = strings.TrimRightFunc(segment, isBlank)
		}
		if i == len(segments)-1 || !isFrontController(segment) {
			plain = append(plain, segment)
		}
	}
	return path.Clean("/" + strings.Join(plain, "/"))
}

// isPlainPath may say no to a path that is plain, but never yes to another.
func isPlainPath(p string) bool {
	for i := range len(p) {
		switch c := p[i]; {
		case c == ';', c == '\\', c == '%', c < ' ', c == 0x7f:
			return false
		case c == ' ', c == '.', c > 0x7f: // a blank may be one of Unicode
			if i+1 == len(p) || p[i+1] == '/' {
				return false
			}
		case c == '/' && i > 3 && isFrontController(p[:i]):
			return false
		}
	}
	return len(p) < 2 || p[len(p)-1] != '/'
}

// isFrontController reports whether what follows the segment is an argument of it.
func isFrontController(segment string) bool {
	const php = ".php"
	return len(segment) > len(php) && strings.EqualFold(segment[len(segment)-len(php):], php)
}

func isBlank(c rune) bool {
	return c <= ' ' || c == '.' || c == 0x7f || c == 0x85 || c == 0xa0 || c == 0x3000
}
