package parser

import (
	"bytes"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
)

// part is what the header of a part says.
type part struct {
	media       mediaType
	disposition *disposition // form-data, which a part of a form has
}

// disposition is a Content-Disposition.
type disposition struct {
	name     string
	isFile   bool
	filename string
	others   []string // what some servers make of the file's name
}

// The header of a part has three lines as a rule. PHP cuts lines at 5 KiB.
const (
	longestHead = 4 << 10
	mostLines   = 10
)

// readPartHeader reads the header of a part. Rules get its lines even if it is refused.
func (t *Table) readPartHeader(head []byte, isForm bool) (*part, *Error) {
	if err := t.grow(len(head)); err != nil {
		return nil, err
	}
	if len(head) > longestHead || bytes.Count(head, []byte("\r\n")) >= mostLines {
		return nil, refuse(PartHeader)
	}
	p, lines := new(part), len(t.Values)
	err := t.readHeaderLines(p, string(head), isForm)
	if p.disposition != nil {
		for i := range t.Values[lines:] {
			t.Values[lines+i].Name = p.disposition.name
		}
		if err == nil && strings.HasPrefix(p.media.essence, "multipart/") { // Tomcat reads files in it
			err = refuse(PartHeader)
		}
	}
	return p, err
}

func (t *Table) readHeaderLines(p *part, head string, isForm bool) (err *Error) {
	seen := ""
	for line := range strings.SplitSeq(head, "\r\n") {
		t.Values = append(t.Values, Value{Source: HeaderOfPart, Text: line})
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " ")
		if !ok || !isToken(name) || !isText(value) || strings.Contains(seen, "\n"+name+"\n") {
			return refuse(PartHeader)
		}
		seen += "\n" + name + "\n"
		switch name {
		case "content-disposition":
			if !isForm && !strings.HasPrefix(strings.ToLower(value), "form-data") {
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

// parseDisposition reads form-data, its name, filename and filename* (RFC 8187), of which
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
	if d.filename, rest, d.isFile = cutQuoted(rest, "filename"); !d.isFile || !d.readOthers() {
		return nil, refuse(PartHeader)
	}
	if rest == "" {
		return d, nil
	}
	extended, ok := strings.CutPrefix(strings.TrimLeft(rest[len(";"):], " "), "filename*=")
	if !ok || d.filename == "" || !d.readExtended(extended) {
		return nil, refuse(PartHeader)
	}
	return d, nil
}

// readOthers adds what is another name in Spring, to which backslashes are escapes, and in
// Tomcat and ASP.NET, which decode words of mail (RFC 2047).
func (d *disposition) readOthers() bool {
	word, err := new(mime.WordDecoder).DecodeHeader(d.filename)
	return err == nil && isText(word) && d.addOther(strings.ReplaceAll(d.filename, `\`, "")) && d.addOther(word)
}

// readExtended adds the name that filename* has, which PHP does not know.
func (d *disposition) readExtended(text string) bool {
	filename, ok := decodeExtended(text)
	return ok && d.addOther(filename)
}

// addOther adds another name of the file, unless it is a folder: of shell.php/ Go makes
// shell.php.
func (d *disposition) addOther(filename string) bool {
	if filename != d.filename && !slices.Contains(d.others, filename) {
		d.others = append(d.others, filename)
	}
	return !strings.HasSuffix(filename, "/")
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
		return value, rest, ok && (rest == "" || rest[0] == ';') && isPath(value)
	}
	end := strings.IndexByte(text, ';')
	if end < 0 {
		end = len(text)
	}
	value, rest = text[:end], text[end:]
	return value, rest, value != "" && strings.Trim(value, bareCharacters) == ""
}

// isPath reports whether each backslash is one of a path such as C:\fakepath\a.jpg, which
// old scripts send. Before any other character some servers take it for an escape.
func isPath(text string) bool {
	for i := range len(text) {
		if text[i] == '\\' && (i+1 == len(text) || text[i+1] < utf8.RuneSelf && strings.IndexByte(bareCharacters, text[i+1]) < 0) {
			return false
		}
	}
	return true
}

const bareCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// decodeExtended decodes a charset, a language and %XX (RFC 8187).
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
