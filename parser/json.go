package parser

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// readJSON reads a JSON document (RFC 8259): its leaves, each under the path to it, as
// json.items.0.pzn. What stands before a fault remains in the table. A blank body has no
// values.
func (t *Table) readJSON(body []byte) *Error {
	return newJSONReader(t).document(bytes.TrimPrefix(body, bom))
}

// readJSONLines reads documents that follow each other: one a line (NDJSON), or each
// behind a record separator (RFC 7464). All have the same paths, as if each were sent
// alone: an exclusion names a field, and not the line it is in.
func (t *Table) readJSONLines(body []byte) *Error {
	separator := []byte("\n")
	if recordSeparator := []byte("\x1e"); bytes.Contains(body, recordSeparator) {
		separator = recordSeparator
	}
	r := newJSONReader(t)
	for document := range bytes.SplitSeq(bytes.TrimPrefix(body, bom), separator) {
		if err := r.document(document); err != nil {
			return err
		}
	}
	return nil
}

// looksLikeJSON reports whether a body begins as an object or an array.
func looksLikeJSON(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, bom), blanks)
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// A jsonReader goes once through a document. It accepts what RFC 8259 does, and besides
// halves of surrogate pairs and what is not UTF-8 in strings, as servers do.
type jsonReader struct {
	table *Table
	text  []byte
	at    int    // where in the text
	path  []byte // to the value being read; a string is decoded behind it
	depth int
}

func newJSONReader(t *Table) *jsonReader {
	return &jsonReader{table: t, path: append(make([]byte, 0, 128), "json"...)}
}

func (r *jsonReader) document(text []byte) *Error {
	r.text, r.at, r.path = text, 0, r.path[:len("json")]
	if r.next(); r.at == len(text) {
		return nil
	}
	if err := r.value(); err != nil {
		return err
	}
	if r.next(); r.at < len(text) {
		return refuse(JSON)
	}
	return nil
}

// next skips blanks and returns the byte behind them; 0, which fits nowhere, at the end.
func (r *jsonReader) next() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) value() *Error {
	path, ok := len(r.path), false
	switch r.next() {
	case '{':
		return r.members('}')
	case '[':
		return r.members(']')
	case '"':
		ok = r.string()
	default:
		ok = r.scalar()
	}
	if !ok {
		return refuse(JSON)
	}
	return r.leaf(path)
}

// leaf adds the value whose text stands behind the path. Both are one allocation.
func (r *jsonReader) leaf(path int) *Error {
	both := string(r.path)
	return r.table.add(Leaf, both[:path], both[path:], len(both))
}

// members reads an object or an array. An empty one is a leaf without text: servers get
// the name that leads to it.
func (r *jsonReader) members(closing byte) *Error {
	if r.depth++; r.depth > r.table.limits.Depth {
		return refuse(Depth)
	}
	defer func() { r.depth-- }()
	outer := len(r.path)
	if r.at++; r.next() == closing {
		r.at++
		return r.leaf(outer)
	}
	for i := int64(0); ; i++ {
		r.path = append(r.path[:outer], '.')
		if closing == ']' {
			r.path = strconv.AppendInt(r.path, i, 10)
		} else if !r.name() {
			return refuse(JSON)
		}
		if err := r.value(); err != nil {
			return err
		}
		c := r.next()
		r.at++
		switch c {
		case ',':
		case closing:
			return nil
		default:
			return refuse(JSON)
		}
	}
}

// name reads the name of a member and the colon behind it.
func (r *jsonReader) name() bool {
	if r.next() != '"' || !r.string() || r.next() != ':' {
		return false
	}
	r.at++
	return true
}

// string appends a string to the path, decoded.
func (r *jsonReader) string() bool {
	r.at++
	for from := r.at; r.at < len(r.text); {
		switch c := r.text[r.at]; {
		case c == '"':
			r.path = append(r.path, r.text[from:r.at]...)
			r.at++
			return true
		case c == '\\':
			r.path = append(r.path, r.text[from:r.at]...)
			if !r.escape() {
				return false
			}
			from = r.at
		case c < ' ':
			return false
		default:
			r.at++
		}
	}
	return false
}

// escapes are what follows a backslash, and what it stands for.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape appends the character for which a backslash and what follows it stand.
func (r *jsonReader) escape() bool {
	if unit, ok := r.unit(); ok {
		char := rune(unit)
		if utf16.IsSurrogate(char) {
			char = r.pair(char)
		}
		r.path = utf8.AppendRune(r.path, char)
		return true
	}
	if r.at+1 >= len(r.text) || escapes[r.text[r.at+1]] == 0 {
		return false
	}
	r.path = append(r.path, escapes[r.text[r.at+1]])
	r.at += 2
	return true
}

// unit reads an escape of the form \u00e4: a unit of UTF-16.
func (r *jsonReader) unit() (unit uint16, ok bool) {
	const length = len(`\u00e4`)
	if len(r.text)-r.at < length || r.text[r.at] != '\\' || r.text[r.at+1] != 'u' {
		return 0, false
	}
	var octets [2]byte
	if _, err := hex.Decode(octets[:], r.text[r.at+2:r.at+length]); err != nil {
		return 0, false
	}
	r.at += length
	return binary.BigEndian.Uint16(octets[:]), true
}

// pair reads the second half of a surrogate pair. A half alone is U+FFFD.
func (r *jsonReader) pair(first rune) rune {
	before := r.at
	second, _ := r.unit()
	char := utf16.DecodeRune(first, rune(second))
	if char == utf8.RuneError {
		r.at = before
	}
	return char
}

// scalar appends a number, true or false to the path as it is written, and null as nothing.
func (r *jsonReader) scalar() bool {
	word := r.text[r.at:]
	if end := bytes.IndexAny(word, ",]}"+blanks); end >= 0 {
		word = word[:end]
	}
	r.at += len(word)
	switch string(word) {
	case "null":
		return true
	case "true", "false":
	default:
		if !isNumber(word) {
			return false
		}
	}
	r.path = append(r.path, word...)
	return true
}

// isNumber reports whether a word is a number as JSON writes it.
func isNumber(word []byte) bool {
	word = bytes.TrimPrefix(word, []byte("-"))
	whole := digits(word)
	if whole == 0 || whole > 1 && word[0] == '0' {
		return false
	}
	word = word[whole:]
	if fraction, ok := bytes.CutPrefix(word, []byte(".")); ok {
		n := digits(fraction)
		if n == 0 {
			return false
		}
		word = fraction[n:]
	}
	if len(word) == 0 {
		return true
	}
	if word[0] != 'e' && word[0] != 'E' {
		return false
	}
	if word = word[1:]; len(word) > 0 && (word[0] == '+' || word[0] == '-') {
		word = word[1:]
	}
	return len(word) > 0 && digits(word) == len(word)
}

// digits returns how many digits a word begins with.
func digits(word []byte) (n int) {
	for n < len(word) && '0' <= word[n] && word[n] <= '9' {
		n++
	}
	return n
}
