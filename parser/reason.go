package parser

import "net/http"

// Reason says why a request is refused.
type Reason string

// The limits that a request can exceed.
const (
	Arguments Reason = "arguments"
	Cookies   Reason = "cookies"
	Depth     Reason = "depth"
	Parts     Reason = "parts"
	Text      Reason = "text"
)

// What servers read differently, or what rules could not read.
const (
	ContentType Reason = "content-type"
	Charset     Reason = "charset"
	Upgrade     Reason = "upgrade"
	Boundary    Reason = "boundary"
	Framing     Reason = "framing"
	PartHeader  Reason = "part-header"
	Encoding    Reason = "part-encoding"
	JSON        Reason = "json"
	XML         Reason = "xml"
	DTD         Reason = "dtd"
)

// reasons is the closed list, with what a developer of the client should know.
var reasons = map[Reason]string{
	Arguments:   "more arguments than the shop allows: fields of query, form and document together",
	Cookies:     "more cookies than the shop allows",
	Depth:       "a document is nested deeper than the shop allows",
	Parts:       "a multipart body has more parts than the shop allows",
	Text:        "more text than the shop allows in query, cookies, fields and documents together",
	ContentType: "Content-Type is repeated, or is not a media type with parameters (RFC 9110, section 8.3)",
	Charset:     "the body is in a charset that rules cannot read: send UTF-8",
	Upgrade:     "Upgrade to a protocol other than websocket",
	Boundary:    "the Content-Type of a multipart body needs exactly one boundary, of up to 70 letters, digits and '+_.=:-",
	Framing:     "the parts of a multipart body are not framed by the boundary and CRLF alone (RFC 2046, section 5.1.1)",
	PartHeader:  `a part of a form needs Content-Disposition: form-data; name="…", then filename="…" for a file, and each header once (RFC 7578)`,
	Encoding:    "the Content-Transfer-Encoding of a part must be binary, 8bit or 7bit (RFC 7578, section 4.7)",
	JSON:        "broken JSON (RFC 8259)",
	XML:         "broken XML",
	DTD:         "an XML document type definition with entities or an internal subset, or from an unknown host",
}

// Reasons returns the closed list, in no order.
func Reasons() (all []Reason) {
	for reason := range reasons {
		all = append(all, reason)
	}
	return all
}

// Explain tells the developer of a client what is expected.
func (r Reason) Explain() string { return reasons[r] }

// IsLimit reports whether the request is well-formed and only too large.
func (r Reason) IsLimit() bool {
	switch r {
	case Arguments, Cookies, Depth, Parts, Text:
		return true
	}
	return false
}

// Error is why a request is refused. It has no part of the request in it.
type Error struct {
	Reason Reason
	Status int // 400, or 413 and 431 for what is too large
}

func (e *Error) Error() string { return e.Reason.Explain() }

// refuse returns the error of a reason, found in the body.
func refuse(reason Reason) *Error {
	status := http.StatusBadRequest
	switch reason {
	case Arguments, Parts, Text:
		status = http.StatusRequestEntityTooLarge
	}
	return &Error{Reason: reason, Status: status}
}
