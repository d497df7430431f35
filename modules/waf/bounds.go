package waf

import (
	"net/http"
	"strings"

	"github.com/theriac-edge/theriac/parser"
)

// Bounds limit the size of a request and the number of its parts. They are checked
// before Coraza runs, whose cost grows with the number of values and with their
// length: a form of 9 KB with a thousand fields takes it 0.3 seconds, and so does a
// single field of 64 KiB.
type Bounds struct {
	// Bytes of the body. Default: 13 MiB, enough for a photographed prescription.
	Body int64 `json:"body,omitempty"`

	// Arguments: fields of the query, of a form and of a JSON document
	// together. Default: 255.
	Arguments int `json:"arguments,omitempty"`

	// Parts of a multipart body. Default: 255.
	Parts int `json:"parts,omitempty"`

	// Cookies. Default: 200; browsers keep up to 180 of a host.
	Cookies int `json:"cookies,omitempty"`

	// How deep a JSON or XML document may be nested. Default: 32.
	Depth int `json:"depth,omitempty"`

	// Bytes that the rules read closely: the query, cookies, and the fields of a
	// form, an upload or a document; not uploaded files, nor a file of 4 KiB or more
	// that a field or a document carries as base64. In a JSON document the
	// names that lead to a value count with each value. Other headers are cheap and
	// limited by Caddy's max_header_size. Default: 32 KiB.
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
	def(&b.Cookies, 200)
	def(&b.Depth, 32)
	if b.Body == 0 {
		b.Body = 13 << 20
	}
	if b.Text == 0 {
		b.Text = 32 << 10
	}
}

// limits are the bounds that the parser observes.
func (b *Bounds) limits() parser.Limits {
	return parser.Limits{Arguments: b.Arguments, Parts: b.Parts, Cookies: b.Cookies, Depth: b.Depth, Text: b.Text}
}

// checkLength checks what is announced of a body: no rule could read a compressed one.
func (b *Bounds) checkLength(r *http.Request) *finding {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &finding{rule: "encoded", status: http.StatusUnsupportedMediaType}
	}
	if r.ContentLength > b.Body {
		return &finding{rule: "body", status: http.StatusRequestEntityTooLarge}
	}
	return nil
}

// refusedBy turns an error of the parser into a finding.
func refusedBy(err *parser.Error) *finding {
	switch {
	case err == nil:
		return nil
	case err.Reason.IsLimit():
		return &finding{rule: string(err.Reason), status: err.Status}
	}
	return &finding{rule: "ambiguous", status: err.Status, reason: err.Reason}
}
