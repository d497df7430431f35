package parser

import (
	"net/http"
	"strings"
)

// ReadHeader reads what is known before the body: query, cookies and headers. Even if
// it refuses the request, the table has what was read until then.
func ReadHeader(r *http.Request, limits Limits) (*Table, *Error) {
	t := &Table{limits: limits, Values: make([]Value, 0, 32)}
	defer t.own(0)
	if upgrades(r) && !strings.EqualFold(strings.Join(r.Header["Upgrade"], ","), "websocket") {
		return t, refuse(Upgrade)
	}
	t.readHeaders(r)
	if err := t.readCookies(r.Header["Cookie"]); err != nil {
		return t, tooLarge(err)
	}
	_, query, _ := strings.Cut(r.RequestURI, "?")
	return t, tooLarge(t.readPairs(Query, query))
}

// upgrades reports whether the connection would become one of another protocol, in
// which nothing is read any more (RFC 9110, section 7.8).
func upgrades(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Header.Get("Upgrade") != "" && strings.Contains(strings.ToLower(strings.Join(r.Header["Connection"], ",")), "upgrade")
}

// tooLarge gives an error the status of a header that is too large (RFC 6585, section 5).
func tooLarge(err *Error) *Error {
	if err == nil {
		return nil
	}
	if err.Status = http.StatusBadRequest; err.Reason == Text {
		err.Status = http.StatusRequestHeaderFieldsTooLarge
	}
	return err
}

// readHeaders takes the headers as they are.
func (t *Table) readHeaders(r *http.Request) {
	t.takeHeaders(r.Header)
	if r.Host != "" {
		t.Values = append(t.Values, Value{Source: Header, Name: "Host", Text: r.Host})
	}
	for _, coding := range r.TransferEncoding {
		t.Values = append(t.Values, Value{Source: Header, Name: "Transfer-Encoding", Text: coding})
	}
}

// takeHeaders does not take what net/http has answered: Expect, and the protocol of an
// extended CONNECT (RFC 8441).
func (t *Table) takeHeaders(headers http.Header) {
	for name, values := range headers {
		if name == "Expect" || name == ":protocol" {
			continue
		}
		for _, value := range values {
			t.Values = append(t.Values, Value{Source: Header, Name: name, Text: value})
		}
	}
}

// ReadBody reads a body, and the trailers, which have arrived by now.
func (t *Table) ReadBody(r *http.Request, body []byte) *Error {
	before := len(t.Values)
	defer func() { t.own(before) }()
	t.Size = len(body)
	t.takeHeaders(r.Trailer)
	types := r.Header["Content-Type"]
	if len(types) > 1 {
		return refuse(ContentType)
	}
	if len(body) == 0 {
		return nil
	}
	media, err := parseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	return t.readBody(media, body)
}
