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
// A form of another site's page, such as a bank's, gets a "&" in front. Our page must not
// send or reload it as its own: browsers would add cookies that they keep from other sites'
// forms, SameSite=Lax, and the shop would take it for one of its own. A "&" alone is one that
// cannot be given back.
func formOf(r *http.Request) string {
	prefix, ok := senderOf(r)
	if r.Method != http.MethodPost || !ok {
		return ""
	}
	if r.ContentLength < 1 || r.ContentLength > int64(webpage.MaxValue-len(prefix)) ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return prefix
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || !isPlainForm(string(body)) {
		return prefix
	}
	return prefix + string(body)
}

// senderOf returns "" if a page of the same host has sent the form, and "&" if one of another
// site: by Fetch Metadata, or by the Origin that older browsers, and all over plain HTTP, send
// with a form.
func senderOf(r *http.Request) (prefix string, ok bool) {
	switch r.Header.Get("Sec-Fetch-Mode") {
	case "navigate":
		switch r.Header.Get("Sec-Fetch-Site") {
		case "same-origin":
			return "", true
		case "cross-site":
			return "&", true
		}
	case "":
		_, host, _ := strings.Cut(r.Header.Get("Origin"), "://")
		return "", host != "" && strings.EqualFold(host, r.Host)
	}
	return "", false
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
