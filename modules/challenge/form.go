package challenge

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/webpage"
)

// formOf returns the body of a form that the page can send again itself, byte for byte, or
// "". A reload does the same, but Firefox and Safari ask their user about it first. The body
// goes back to the browser that has just sent it, in a page that nothing may store, and is
// kept nowhere.
//
// Forms of other sites are left to a reload: sent by our page they would count as the
// shop's own, and have cookies that browsers keep from other sites' forms.
func formOf(r *http.Request) string {
	if r.Method != http.MethodPost || r.ContentLength < 1 || r.ContentLength > webpage.MaxValue ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || !isOwnPages(r) {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !isPlainForm(string(body)) {
		return ""
	}
	return string(body)
}

// isOwnPages reports whether a page of the same host has sent the form: by Fetch Metadata, or
// by the Origin that older browsers, and all over plain HTTP, send with a form.
func isOwnPages(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Mode") {
	case "navigate":
		return r.Header.Get("Sec-Fetch-Site") == "same-origin"
	case "":
		_, host, _ := strings.Cut(r.Header.Get("Origin"), "://")
		return host != "" && strings.EqualFold(host, r.Host)
	}
	return false
}

// asBrowsers turns what url.QueryEscape escapes into what browsers do (URL Standard,
// application/x-www-form-urlencoded percent-encode set).
var asBrowsers = strings.NewReplacer("~", "%7E", "%2A", "*")

// isPlainForm reports whether a browser that reads the body as UTF-8 and sends it again
// sends the same bytes. It does not for other encodings, and for what no form sends.
func isPlainForm(body string) bool {
	for pair := range strings.SplitSeq(body, "&") {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" || strings.EqualFold(name, "_charset_") || !isPlain(name) || !isPlain(value) {
			return false
		}
	}
	return true
}

func isPlain(text string) bool {
	plain, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(plain) || asBrowsers.Replace(url.QueryEscape(plain)) != text {
		return false
	}
	lines := strings.ReplaceAll(plain, "\r\n", "")
	return !strings.ContainsAny(lines, "\r\n\x00") // browsers end all lines with both
}
