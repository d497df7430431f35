package waf

import (
	"bytes"
	"encoding/xml"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
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

	// How deep a JSON document may be nested. Default: 32.
	Depth int `json:"depth,omitempty"`

	// Bytes that the rules read closely: the query, cookies, and the fields of a
	// form, an upload or a document; not uploaded files. In a JSON document the
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

// checkHeader checks what is known before the body is read.
func (b *Bounds) checkHeader(r *http.Request) *finding {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &finding{rule: "encoded", status: http.StatusUnsupportedMediaType}
	}
	if r.ContentLength > b.Body {
		return &finding{rule: "body", status: http.StatusRequestEntityTooLarge}
	}
	cookies := 0
	for _, line := range r.Header["Cookie"] {
		cookies += strings.Count(line, ";") + 1
	}
	c := countHeader(r)
	switch {
	case cookies > b.Cookies:
		return &finding{rule: "cookies", status: http.StatusBadRequest}
	case c.values > b.Arguments:
		return &finding{rule: "arguments", status: http.StatusBadRequest}
	case c.text > b.Text:
		return &finding{rule: "text", status: http.StatusRequestHeaderFieldsTooLarge}
	}
	return nil
}

// contents is how much there is in a request for the rules to read.
type contents struct {
	text   int64
	values int
	parts  int
	depth  int
}

// countHeader counts the query and the cookies.
func countHeader(r *http.Request) contents {
	_, query, _ := strings.Cut(r.RequestURI, "?")
	c := contents{text: int64(len(query))}
	if query != "" {
		c.values = strings.Count(query, "&") + 1
	}
	for _, line := range r.Header["Cookie"] {
		c.text += int64(len(line))
	}
	return c
}

// checkBody checks a body together with the header. It returns how much text the rules will
// read closely.
func (b *Bounds) checkBody(r *http.Request, body []byte) (text int64, found *finding) {
	before := countHeader(r)
	text = before.text
	if len(body) == 0 || isOpaque(r, body) {
		return text, nil
	}
	types := r.Header["Content-Type"]
	if len(types) == 0 {
		types = []string{""}
	}
	for _, contentType := range types { // whichever of several Coraza uses
		c := b.count(contentType, body, b.Text-before.text)
		switch {
		case c.parts > b.Parts:
			return text, &finding{rule: "parts", status: http.StatusRequestEntityTooLarge}
		case c.depth > b.Depth:
			return text, &finding{rule: "depth", status: http.StatusBadRequest}
		case c.text+before.text > b.Text:
			return text, &finding{rule: "text", status: http.StatusRequestEntityTooLarge}
		case c.values+before.values > b.Arguments:
			return text, &finding{rule: "arguments", status: http.StatusRequestEntityTooLarge}
		}
		text = max(text, c.text+before.text)
	}
	return text, nil
}

// The types for which engine.conf selects a parser of Coraza.
var (
	jsonType = regexp.MustCompile(`^application/(?:json|[a-z0-9.-]+[+]json)`)
	xmlType  = regexp.MustCompile(`^(?:application(?:/soap\+|/)|text/)xml`)
)

// count counts a body as Coraza will read it. A body without a parser counts as a
// form, as it does for Coraza. A text longer than atMost is not parsed.
func (b *Bounds) count(contentType string, body []byte, atMost int64) contents {
	lower := strings.ToLower(contentType)
	tooLong := int64(len(body)) > atMost
	switch {
	case strings.HasPrefix(strings.TrimSpace(lower), "multipart/form-data"):
		_, parameters, _ := mime.ParseMediaType(contentType)
		return countParts(body, parameters["boundary"], b.Parts)
	case tooLong:
		return contents{text: int64(len(body))}
	case jsonType.MatchString(lower):
		return countJSON(body)
	case xmlType.MatchString(lower):
		return countXML(body)
	}
	return contents{text: int64(len(body)), values: bytes.Count(body, []byte("&")) + 1}
}

// isOpaque reports whether the body is a file that rules cannot read: its type has
// no parser, and it has a byte that text never has.
func isOpaque(r *http.Request, body []byte) bool {
	types := r.Header["Content-Type"]
	if len(types) != 1 {
		return false
	}
	media, _, err := mime.ParseMediaType(types[0])
	isFile := media == "application/octet-stream" || media == "application/pdf" || strings.HasPrefix(media, "image/")
	return err == nil && isFile && bytes.IndexByte(body, 0) >= 0
}

// countParts counts the headers and fields of a multipart body. It uses the parser
// that Coraza uses.
func countParts(body []byte, boundary string, atMost int) (c contents) {
	if boundary == "" {
		return c // Coraza refuses it
	}
	if n := bytes.Count(body, []byte("--"+boundary)); n > atMost+1 {
		return contents{parts: n - 1}
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextRawPart()
		if err != nil {
			return c // the end, or a fault for which Coraza refuses it
		}
		c.parts++
		for name, values := range part.Header {
			for _, value := range values {
				c.text += int64(len(value))
				if !strings.HasPrefix(name, "Content-") {
					c.text += int64(len(name))
				}
			}
		}
		size, _ := io.Copy(io.Discard, part) // Coraza refuses a part that is cut off
		_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil || parameters["filename"] == "" {
			c.text += size
			c.values++
		}
	}
}

// countXML counts texts and attributes. It uses the parser that Coraza uses.
func countXML(body []byte) contents {
	c := contents{text: int64(len(body))}
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := decoder.Token()
		if err != nil {
			return c
		}
		switch token := token.(type) {
		case xml.StartElement:
			c.values += len(token.Attr)
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				c.values++
			}
		}
	}
}

// countJSON counts the values of a document, its depth, and its length once the
// names that lead to a value precede each value, as Coraza flattens it. It does not
// validate the document: Coraza refuses broken ones.
func countJSON(body []byte) contents {
	c := contents{text: int64(len(body))}
	var outer []int // the length of the path at each open object or array
	path, name, began := 0, 0, 0
	quoted := false
	value := func() {
		c.values++
		c.text += int64(path)
	}
	for i := 0; i < len(body); i++ {
		switch char := body[i]; {
		case quoted && char == '\\':
			i++
		case char == '"':
			if quoted = !quoted; quoted {
				began = i
			} else {
				name = i - began
			}
		case quoted:
		case char == '{' || char == '[':
			outer = append(outer, path)
			c.depth = max(c.depth, len(outer))
			path += name + 1
			name = indexLength
			value()
			if char == '[' {
				c.text += int64(path) // its length is also a value
			}
		case char == '}' || char == ']':
			if len(outer) > 0 {
				path, outer = outer[len(outer)-1], outer[:len(outer)-1]
			}
			name = indexLength
		case char == ',':
			name = indexLength
			value()
		}
	}
	return c
}

// indexLength is the most digits that an array index can have, since the bound of
// arguments limits arrays.
const indexLength = 5
