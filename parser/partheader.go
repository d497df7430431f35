package parser

import (
	"strings"
	"unicode/utf8"
)

// part is what the header of a part says.
type part struct {
	media       mediaType
	disposition *disposition // of a part of a form
}

// disposition is a Content-Disposition.
type disposition struct {
	name     string
	isFile   bool
	filename string
	extended string // filename*, decoded
}

// longestHead is how long the header of a part may be: three lines, as a rule.
const longestHead = 4 << 10

// readPartHeader reads the header of a part. Rules get its lines even if it is refused.
func (t *Table) readPartHeader(head []byte, isForm bool) (*part, *Error) {
	if err := t.grow(len(head)); err != nil {
		return nil, err
	}
	if len(head) > longestHead {
		return nil, refuse(PartHeader)
	}
	p, lines := new(part), len(t.Values)
	err := t.readHeaderLines(p, string(head), isForm)
	if p.disposition != nil {
		for i := range t.Values[lines:] {
			t.Values[lines+i].Name = p.disposition.name
		}
	}
	return p, err
}

func (t *Table) readHeaderLines(p *part, head string, isForm bool) (err *Error) {
	seen := ""
	for line := range strings.SplitSeq(head, "\r\n") {
		t.Values = append(t.Values, Value{Source: HeaderOfPart, Name: "", Text: line})
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " ")
		if !ok || !isToken(name) || !isText(value) || strings.Contains(seen, "\n"+name+"\n") {
			return refuse(PartHeader)
		}
		seen += "\n" + name + "\n"
		switch name {
		case "content-disposition":
			if !isForm {
				continue
			}
			if p.disposition, err = parseDisposition(value); err != nil {
				return err
			}
		case "content-type":
			if p.media, err = parseMediaType(value); err != nil {
				return refuse(PartHeader)
			}
			if !isReadable(p.media.charset) {
				return refuse(Charset)
			}
		case "content-transfer-encoding":
			switch strings.ToLower(value) {
			case "binary", "8bit", "7bit":
			default:
				return refuse(Encoding)
			}
		}
	}
	return nil
}

// isText reports whether a text is UTF-8 without control characters.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// parseDisposition reads form-data; name="…"; filename="…"; filename*=UTF-8”…, of which
// the last two may be missing. Any other form is read differently by some server: PHP
// knows quotes that others do not, and not filename*.
func parseDisposition(value string) (*disposition, *Error) {
	d := new(disposition)
	rest, isForm := strings.CutPrefix(value, "form-data")
	name, rest, ok := cutQuoted(rest, "name")
	if d.name = name; !isForm || !ok || name == "" {
		return nil, refuse(PartHeader)
	}
	if rest == "" {
		return d, nil
	}
	if d.filename, rest, d.isFile = cutQuoted(rest, "filename"); !d.isFile {
		return nil, refuse(PartHeader)
	}
	if rest == "" {
		return d, nil
	}
	extended, ok := strings.CutPrefix(strings.TrimLeft(rest[len(";"):], " "), "filename*=")
	if !ok || d.filename == "" {
		return nil, refuse(PartHeader)
	}
	if d.extended, ok = decodeExtended(extended); !ok {
		return nil, refuse(PartHeader)
	}
	return d, nil
}

// cutQuoted cuts a parameter off. Only a value of letters, digits and _.- may be without quotes.
func cutQuoted(text, parameter string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, ";")
	if !ok {
		return "", "", false
	}
	if text, ok = strings.CutPrefix(strings.TrimLeft(text, " "), parameter+"="); !ok {
		return "", "", false
	}
	if quoted, isQuoted := strings.CutPrefix(text, `"`); isQuoted {
		value, rest, ok = strings.Cut(quoted, `"`)
		return value, rest, ok && (rest == "" || rest[0] == ';') && !strings.ContainsRune(value, '\\')
	}
	end := strings.IndexByte(text, ';')
	if end < 0 {
		end = len(text)
	}
	value, rest = text[:end], text[end:]
	return value, rest, value != "" && strings.Trim(value, bareCharacters) == ""
}

const bareCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// decodeExtended decodes UTF-8”%C3%A4.jpg (RFC 8187).
func decodeExtended(text string) (string, bool) {
	charset, rest, _ := strings.Cut(text, "'")
	language, encoded, ok := strings.Cut(rest, "'")
	if !ok || encoded == "" || strings.Trim(language, bareCharacters) != "" || strings.Trim(encoded, "%"+bareCharacters+"!#$&+^`|~") != "" || strings.Count(encoded, "%") != escapesIn(encoded) {
		return "", false
	}
	decoded, ok := decode([]byte(unescape(strings.ReplaceAll(encoded, "+", "%2B"))), charset)
	return string(decoded), ok && charset != "" && isText(string(decoded))
}

// escapesIn counts %XX.
func escapesIn(text string) (n int) {
	for i := range len(text) {
		if text[i] == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]) {
			n++
		}
	}
	return n
}
