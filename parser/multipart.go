package parser

import (
	"bytes"
	"strings"
)

// boundaryOf returns the boundary that a Content-Type names (RFC 2046, section 5.1.1). PHP
// takes the first `boundary` that it finds, so there must be none before the parameter, nor
// one behind a Boundary: it looks for capitals only if there are no small letters.
// To Python's servers boundary* (RFC 2231) is another boundary.
func boundaryOf(contentType string) (string, *Error) {
	const parameter = "boundary"
	i := strings.Index(strings.ToLower(contentType), parameter)
	if i < 0 || strings.Contains(strings.ToLower(contentType[i:]), parameter+"*") || !strings.HasSuffix(strings.TrimRight(contentType[:i], " \t"), ";") {
		return "", refuse(Boundary)
	}
	written, value := contentType[i:i+len(parameter)], contentType[i+len(parameter):]
	if written != parameter && strings.Contains(value, parameter) {
		return "", refuse(Boundary)
	}
	value, ok := strings.CutPrefix(value, "=")
	rest := ""
	if quoted, isQuoted := strings.CutPrefix(value, `"`); isQuoted {
		var closed bool
		value, rest, closed = strings.Cut(quoted, `"`)
		ok = ok && closed
	} else {
		value, _, _ = strings.Cut(value, ";")
	}
	if rest = strings.TrimLeft(rest, " \t"); !ok || rest != "" && rest[0] != ';' || len(value) > 70 || value == "" || strings.Trim(value, boundaryCharacters) != "" {
		return "", refuse(Boundary)
	}
	return value, nil
}

const boundaryCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'+_.=:*-"

// readMultipart reads a form with files (RFC 7578).
func (t *Table) readMultipart(body []byte, boundary string) *Error {
	return t.readParts(body, boundary, t.readPart)
}

// readRelated reads a document with attachments (RFC 2387).
func (t *Table) readRelated(body []byte, boundary string) *Error {
	return t.readParts(body, boundary, t.readAttachment)
}

// readParts reads the parts one after the other. PHP takes any line that begins with the
// boundary for a delimiter, and others only some: where it stands, it must be one.
func (t *Table) readParts(body []byte, boundary string, read func(head, content []byte) *Error) *Error {
	delimiter := []byte("\r\n--" + boundary)
	rest, ok := bytes.CutPrefix(bytes.TrimPrefix(body, delimiter[:2]), delimiter[2:]) // programs of .NET begin with a CRLF
	if !ok {
		return refuse(Framing)
	}
	seen := 1
	for ; bytes.HasPrefix(rest, []byte("\r\n")); seen++ {
		if t.parts++; t.parts > t.limits.Parts {
			return refuse(Parts)
		}
		end := bytes.Index(rest, delimiter)
		if end < 0 {
			return refuse(Framing)
		}
		head, content, ok := bytes.Cut(rest[:end], []byte("\r\n\r\n"))
		if !ok || len(head) < len("\r\n") {
			return refuse(Framing)
		}
		if err := read(head[len("\r\n"):], content); err != nil {
			return err
		}
		rest = rest[end+len(delimiter):]
	}
	if last := string(rest); last != "--" && last != "--\r\n" || bytes.Count(body, delimiter[2:]) != seen {
		return refuse(Framing)
	}
	return nil
}

// readPart reads a field or a file.
func (t *Table) readPart(head, content []byte) *Error {
	p, err := t.readPartHeader(head, true)
	if err != nil {
		return err
	}
	if p.disposition == nil {
		return refuse(PartHeader)
	}
	if p.disposition.filename == "" {
		return t.readField(p, content)
	}
	t.Files += int64(len(content))
	t.nameFile(p.disposition)
	if includesFiles(content) {
		return refuse(DTD)
	}
	if p.disposition.filename == "blob" && (p.media.isJSON() || p.media.isXML()) { // what a browser calls a document that a script sends
		_, err = t.readPartDocument(p.media, content)
	}
	return err
}

// nameFile adds the names of a file.
func (t *Table) nameFile(d *disposition) {
	for _, filename := range append([]string{d.filename}, d.others...) {
		t.Values = append(t.Values, Value{Source: Filename, Name: d.name, Text: filename})
	}
}

// readField reads a field. Some servers parse one that is declared as a document.
func (t *Table) readField(p *part, content []byte) *Error {
	if p.disposition.isFile && len(content) > 0 { // PHP takes it for no file
		return refuse(PartHeader)
	}
	if p.media.isJSON() || p.media.isXML() {
		if done, err := t.readPartDocument(p.media, content); done {
			return err
		}
	}
	return t.add(Part, p.disposition.name, string(content), len(p.disposition.name)+len(content))
}

// readPartDocument reads a part that is JSON or XML.
func (t *Table) readPartDocument(media mediaType, content []byte) (done bool, err *Error) {
	kind := t.Kind
	done, err = t.readDocument(media, content)
	t.Kind = kind
	return done, err
}

// readAttachment reads a part of multipart/related: the document, which is XML as a rule,
// or a file to which it refers. Tomcat and formidable take any kind of multipart for a form.
func (t *Table) readAttachment(head, content []byte) *Error {
	p, err := t.readPartHeader(head, false)
	if err != nil {
		return err
	}
	if p.disposition != nil {
		if p.disposition.filename == "" {
			return t.readField(p, content)
		}
		t.nameFile(p.disposition)
	}
	switch {
	case p.media.isXML():
		return t.readXML(content, p.media.charset)
	case p.media.isJSON():
		return t.readJSON(content)
	case p.media.essence == "", strings.HasPrefix(p.media.essence, "text/"):
		return t.add(Body, "body", string(content), len(content))
	}
	t.Files += int64(len(content))
	return nil
}
