package parser

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// xmlDeclaration is how a document may begin. Its groups are the charset.
var xmlDeclaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([A-Za-z][A-Za-z0-9._-]*)"|'([A-Za-z][A-Za-z0-9._-]*)'))?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>`)

// Blanks as software gets them: line ends in documents, and what it reads as spaces in attributes.
var (
	lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")
	spaces   = strings.NewReplacer("\n", " ", "\t", " ")
)

// xmlText returns a document behind its declaration, in UTF-8. Byte order mark, declaration and
// Content-Type may each name a charset, and servers believe one or the other: all that are
// named must give the same text.
func xmlText(body []byte, charset string) (string, *Error) {
	if bytes.IndexByte(body, 0) >= 0 {
		return "", refuse(Charset) // UTF-16 or UTF-32
	}
	charsets := []string{charset}
	if rest, ok := bytes.CutPrefix(body, bom); ok {
		body, charsets = rest, append(charsets, "utf-8")
	}
	declaration := 0
	if match := xmlDeclaration.FindSubmatch(body); match != nil {
		declaration, charsets = len(match[0]), append(charsets, string(match[1])+string(match[2]))
	}
	text, isRead := body, false
	for _, charset := range charsets {
		if charset == "" {
			continue
		}
		decoded, ok := decode(body, charset)
		if !ok || isRead && !bytes.Equal(decoded, text) {
			return "", refuse(Charset)
		}
		text, isRead = decoded, true
	}
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(char rune) bool { return !isXML(char) }) {
		return "", refuse(XML)
	}
	text = text[declaration:]
	if bytes.IndexByte(text, '\r') < 0 {
		return string(text), nil
	}
	return lineEnds.Replace(string(text)), nil
}

// isXML reports whether XML 1.0 has a character.
func isXML(char rune) bool {
	return char >= ' ' && char < 0xd800 || char >= 0xe000 && char < 0xfffe || char >= 0x10000 && char <= utf8.MaxRune ||
		char == '\t' || char == '\n' || char == '\r'
}

// nameLength returns the length of the name with which a text begins. It may have a
// prefix and a colon.
func nameLength(text string) int {
	colon := -1
	for i, char := range text {
		isFirst := i == colon+1
		switch {
		case 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || char == '_':
		case char >= utf8.RuneSelf && unicode.IsLetter(char):
		case !isFirst && ('0' <= char && char <= '9' || char == '-' || char == '.'):
		case !isFirst && char >= utf8.RuneSelf && unicode.In(char, unicode.Mn, unicode.Nd):
		case !isFirst && char == ':' && colon < 0:
			colon = i
		case isFirst:
			return 0
		default:
			return i
		}
	}
	if colon == len(text)-1 {
		return 0
	}
	return len(text)
}

// dereference replaces references to characters. There are no entities but the five of
// XML, as there is no definition of others.
func dereference(raw string) (string, bool) {
	before, rest, found := strings.Cut(raw, "&")
	if !found {
		return raw, true
	}
	var text strings.Builder
	for found {
		name, behind, ok := strings.Cut(rest, ";")
		char := referenced(name)
		if !ok || char == 0 {
			return "", false
		}
		text.WriteString(before)
		text.WriteRune(char)
		before, rest, found = strings.Cut(behind, "&")
	}
	text.WriteString(before)
	return text.String(), true
}

// referenced returns the character that a reference names, or 0.
func referenced(name string) rune {
	switch name {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	digits, ok := strings.CutPrefix(name, "#")
	base := 10
	if !ok {
		return 0
	}
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	number, err := strconv.ParseUint(digits, base, 32)
	if err != nil || number > unicode.MaxRune || !isXML(rune(number)) {
		return 0
	}
	return rune(number)
}
