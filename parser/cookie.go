package parser

import "strings"

// readCookies reads the lines of Cookie. Each value is taken as sent: some servers
// decode %XX in it, which rules do as well.
func (t *Table) readCookies(lines []string) *Error {
	number := 0
	for _, line := range lines {
		if err := t.grow(len(line)); err != nil {
			return err
		}
		for pair := range strings.SplitSeq(line, ";") {
			if number++; number > t.limits.Cookies {
				return refuse(Cookies)
			}
			name, value, found := strings.Cut(pair, "=")
			name, value = trim(name), trim(value)
			if name != "" || value != "" { // Node reads =value
				t.Values = append(t.Values, Value{Source: Cookie, Name: name, Text: value, IsBare: !found})
			}
		}
	}
	return nil
}

// trim cuts blanks and control characters, which servers take for blanks.
func trim(text string) string {
	for text != "" && (text[0] <= ' ' || text[0] == 0x7f) {
		text = text[1:]
	}
	for text != "" && (text[len(text)-1] <= ' ' || text[len(text)-1] == 0x7f) {
		text = text[:len(text)-1]
	}
	return text
}
