package parser

import "strings"

// readPairs reads name=value&name=value (application/x-www-form-urlencoded).
func (t *Table) readPairs(source Source, text string) *Error {
	if err := t.grow(strings.Count(text, "&")); err != nil {
		return err
	}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		if err := t.add(source, unescape(name), unescape(value), len(pair)); err != nil {
			return err
		}
		t.Values[len(t.Values)-1].IsBare = !found
	}
	return nil
}

// unescape decodes + and %XX as PHP does: what is not two hexadecimal digits stays.
func unescape(text string) string {
	if !strings.ContainsAny(text, "+%") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); i++ {
		switch char := text[i]; {
		case char == '+':
			b.WriteByte(' ')
		case char == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			b.WriteByte(digit(text[i+1])<<4 | digit(text[i+2]))
			i += 2
		default:
			b.WriteByte(char)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// digit returns the value of a hexadecimal digit.
func digit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&7 + 9
}

// isForm reports whether a text of no declared type is a form: each pair has a name that
// a form has, and a value.
func isForm(text string) bool {
	for pair := range strings.SplitSeq(text, "&") {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" || strings.Trim(name, nameCharacters) != "" || strings.ContainsAny(value, " \t\r\n") {
			return false
		}
	}
	return true
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]%"
