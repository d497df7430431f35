package parser

import (
	"bytes"
	"strings"
)

// readBody reads a body as its type says. A type that no parser belongs to says little:
// such a body is read as what it is.
func (t *Table) readBody(media mediaType, body []byte) *Error {
	switch {
	case strings.HasPrefix(media.essence, "multipart/"):
		boundary, err := boundaryOf(media.whole)
		if err != nil {
			return err
		}
		if t.Kind = MultipartBody; media.essence == "multipart/form-data" {
			return t.readMultipart(body, boundary)
		}
		return t.readRelated(body, boundary)
	case media.isXML():
		t.Kind = XMLBody
		return t.readXML(body, media.charset)
	}
	if !isReadable(media.charset) {
		return refuse(Charset)
	}
	switch {
	case media.isJSON():
		t.Kind = JSONBody
		return t.readJSON(body)
	case media.isLines():
		t.Kind = JSONBody
		return t.readJSONLines(body)
	case media.essence == "application/x-www-form-urlencoded":
		return t.readForm(media, body)
	case media.isFile() && isBinary(body):
		t.Kind = OpaqueBody
		return nil
	}
	if done, err := t.readDocument(media, body); done || err != nil {
		return err
	}
	if isForm(string(body)) {
		return t.readForm(media, body)
	}
	return t.readText(body)
}

// readForm reads a form. Some clients send a document and call it a form: then what stands
// before the first & is read as a document, and any other pair as a field of the form.
func (t *Table) readForm(media mediaType, body []byte) *Error {
	done, err := t.readDocument(media, body)
	if err != nil {
		return err
	}
	text := string(body)
	if done {
		_, text, _ = strings.Cut(text, "&")
		return t.readPairs(Form, text)
	}
	t.Kind, t.Raw = FormBody, text
	files := t.Files
	err = t.readPairs(Form, text)
	if t.Files > files {
		t.Raw = withoutFiles(text)
	}
	return err
}

// withoutFiles returns a form without the fields that are files.
func withoutFiles(form string) string {
	var kept []string
	for pair := range strings.SplitSeq(form, "&") {
		if _, value, _ := strings.Cut(pair, "="); !isFile(unescape(value)) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// readDocument reads a body that is JSON or XML, whatever it says to be.
func (t *Table) readDocument(media mediaType, body []byte) (done bool, err *Error) {
	before := *t
	try := func(kind Kind, read func() *Error) bool {
		*t = before
		t.Kind, err = kind, read()
		done = err == nil || err.Reason != JSON && err.Reason != XML // otherwise the body is not a document
		return done
	}
	switch {
	case looksLikeJSON(body) && (try(JSONBody, func() *Error { return t.readJSON(body) }) || try(JSONBody, func() *Error { return t.readJSONLines(body) })):
		return true, err
	case looksLikeXML(body) && try(XMLBody, func() *Error { return t.readXML(body, media.charset) }):
		return true, err
	}
	*t = before
	return false, nil
}

// readText reads a text without fields as one value.
func (t *Table) readText(body []byte) *Error {
	t.Kind = TextBody
	return t.add(Body, "body", string(body), len(body))
}

// isBinary reports whether there is a byte that texts do not have.
func isBinary(body []byte) bool {
	return bytes.ContainsFunc(body, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' || r == 0x7f })
}
