// Package wants is which kind of answer the sender of a request can use.
//
// It goes by headers that anybody can set: whoever lies gets an answer that is of no use.
package wants

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/shop"
)

// Kind is the kind of answer that a visitor's program can use.
type Kind uint8

// The kinds of answer.
const (
	Nothing Kind = iota // a picture, a style, a script
	HTML                // a page, read by a person
	JSON                // data, read by a program
)

// Of tells navigations from everything else: by Sec-Fetch-Mode (W3C Fetch
// Metadata) or, for older browsers and over plain HTTP, by Accept. All browsers ask for
// pages with text/html, and for nothing else. A service worker that answers a navigation
// with a request of its own copies that Accept; its mode is then a script's.
func Of(r *http.Request, class shop.Class) Kind {
	accept := r.Header.Get("Accept")
	switch r.Header.Get("Sec-Fetch-Mode") {
	case "navigate":
		return HTML
	case "no-cors":
		return Nothing
	case "websocket":
		return JSON
	}
	switch {
	case class == shop.API, class == shop.Callback, r.Header.Get("X-Requested-With") != "":
		return JSON
	case prefersHTML(accept):
		return HTML
	case r.Header.Get("Sec-Fetch-Mode") != "":
		return JSON
	case class == shop.Asset, isResource(accept):
		return Nothing
	}
	return JSON
}

// prefersHTML reports whether a page is acceptable, and data is not named before it.
func prefersHTML(accept string) bool {
	before, _, found := strings.Cut(accept, "text/html")
	return found && !strings.Contains(before, "json")
}

// isResource reports whether an element of a page asks: a picture, a style, a film.
func isResource(accept string) bool {
	for _, kind := range [...]string{"image/", "text/css", "video/", "audio/", "font/"} {
		if strings.HasPrefix(accept, kind) {
			return true
		}
	}
	return false
}
