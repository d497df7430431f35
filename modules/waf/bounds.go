package waf

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
)

// Bounds are what a request may consist of. They are counted before Coraza
// runs, whose cost grows with the number of values: a form of 9 KB with a
// thousand fields takes it 0.3 seconds.
type Bounds struct {
	// Bytes of the body. Default: 13 MiB, a photographed prescription.
	Body int64 `json:"body,omitempty"`

	// Arguments: fields of the query, of a form and of a JSON document
	// together. Default: 255.
	Arguments int `json:"arguments,omitempty"`

	// Parts of a multipart body. Default: 255.
	Parts int `json:"parts,omitempty"`

	// Cookies. Default: 100.
	Cookies int `json:"cookies,omitempty"`

	// How deep a JSON document may be nested. Default: 32.
	Depth int `json:"depth,omitempty"`

	// Bytes of all fields of a form or document that are inspected: not of
	// uploaded files. Default: 128 KiB.
	Text int64 `json:"text,omitempty"`
}

func (b *Bounds) fillDefaults() {
	def := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	def(&b.Arguments, 255)
	def(&b.Parts, 255)
	def(&b.Cookies, 100)
	def(&b.Depth, 32)
	if b.Body == 0 {
		b.Body = 13 << 20
	}
	if b.Text == 0 {
		b.Text = 128 << 10
	}
}

// excess is what a request has too much of, and the status that says so.
type excess struct {
	rule   string
	status int
}

// ofHeader counts what is known before the body is read.
func (b *Bounds) ofHeader(r *http.Request) *excess {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &excess{"encoded", http.StatusUnsupportedMediaType}
	}
	if r.ContentLength > b.Body {
		return &excess{"body", http.StatusRequestEntityTooLarge}
	}
	cookies := 0
	for _, line := range r.Header["Cookie"] {
		cookies += strings.Count(line, ";") + 1
	}
	if cookies > b.Cookies {
		return &excess{"cookies", http.StatusBadRequest}
	}
	if b.arguments(r.URL.RawQuery) > b.Arguments {
		return &excess{"arguments", http.StatusBadRequest}
	}
	return nil
}

// arguments counts the fields of a query or a form.
func (b *Bounds) arguments(query string) int {
	if query == "" {
		return 0
	}
	return strings.Count(query, "&") + 1
}

// ofBody counts what stands in a body that was read.
func (b *Bounds) ofBody(r *http.Request, body []byte) *excess {
	media, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media == "application/x-www-form-urlencoded":
		return b.ofText(r, len(body), bytes.Count(body, []byte("&"))+1, 0)
	case strings.HasPrefix(media, "multipart/"):
		if bytes.Count(body, []byte("--"+parameters["boundary"])) > b.Parts+1 {
			return &excess{"parts", http.StatusRequestEntityTooLarge}
		}
	case media == "application/json", strings.HasSuffix(media, "+json"):
		values, depth := countJSON(body)
		return b.ofText(r, len(body), values, depth)
	case strings.HasSuffix(media, "xml"):
		return b.ofText(r, len(body), bytes.Count(body, []byte("<"))+bytes.Count(body, []byte("=")), 0)
	}
	return nil
}

func (b *Bounds) ofText(r *http.Request, size, values, depth int) *excess {
	switch {
	case int64(size) > b.Text:
		return &excess{"text", http.StatusRequestEntityTooLarge}
	case values+b.arguments(r.URL.RawQuery) > b.Arguments:
		return &excess{"arguments", http.StatusRequestEntityTooLarge}
	case depth > b.Depth:
		return &excess{"depth", http.StatusBadRequest}
	}
	return nil
}

// countJSON counts the values of a document, and how deep it is nested. It
// does not check the document: broken ones are Coraza's to refuse.
func countJSON(body []byte) (values, depth int) {
	open, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			depth = max(depth, open)
			values++
		case c == '}' || c == ']':
			open--
		case c == ',':
			values++
		}
	}
	return values, depth
}
