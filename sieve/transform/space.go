package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/theriac-edge/theriac/sieve/byteset"
)

var commandBytes = byteset.Of("\"'\\^ ,;\t\r\n/(")

// cmdLine makes command lines alike that shells read alike: quotation marks, backslashes and
// carets go, separators become one blank, but not before a slash or a bracket.
func cmdLine(value string) (string, bool) {
	acts := commandBytes.Or(upper)
	i := acts.Index(value)
	if i < 0 {
		return value, false
	}
	out, changed, blank := append(make([]byte, 0, len(value)), value[:i]...), false, false
	for ; i < len(value); i++ {
		switch c := value[i]; c {
		case '"', '\'', '\\', '^':
			changed = true
		case ' ', ',', ';', '\t', '\r', '\n':
			changed = changed || blank || c != ' '
			if !blank {
				out = append(out, ' ')
			}
			blank = true
		case '/', '(':
			if blank {
				out, changed = out[:len(out)-1], true
			}
			out, blank = append(out, c), false
		default:
			if upper.Has(c) {
				c, changed = c|0x20, true
			}
			out, blank = append(out, c), false
		}
	}
	return string(out), changed
}

// isLatinSpace reports whether a character is white space up to U+00FF.
func isLatinSpace(r rune) bool { return r <= unicode.MaxLatin1 && unicode.IsSpace(r) }

// compressWhitespace makes one blank of all white space that stands together. A byte 0xA0
// counts also where it is no UTF-8.
func compressWhitespace(value string) (string, bool) {
	isSpace := func(i int, r rune) bool { return isLatinSpace(r) || value[i] == 0xa0 }
	start := -1
	for i, r := range value {
		if isSpace(i, r) {
			start = i
			break
		}
	}
	if start < 0 {
		return value, false
	}
	out, changed, blank := append(make([]byte, 0, len(value)), value[:start]...), false, false
	for i := start; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		if isSpace(i, r) {
			changed = changed || blank || r != ' '
			if !blank {
				out = append(out, ' ')
			}
			blank = true
		} else {
			out, blank = append(out, value[i:i+size]...), false
		}
		i += size
	}
	return string(out), changed
}

// removeWhitespace says that nothing has changed if it has only replaced bytes that are no UTF-8.
func removeWhitespace(value string) (string, bool) {
	changed := false
	result := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			changed = true
			return -1
		}
		return r
	}, value)
	return result, changed
}

// replaceComments makes a blank of a comment of C, also of one without an end.
func replaceComments(value string) (string, bool) {
	before, rest, found := strings.Cut(value, "/*")
	if !found {
		return value, false
	}
	var out strings.Builder
	for found {
		out.WriteString(before)
		out.WriteByte(' ')
		_, rest, _ = strings.Cut(rest, "*/")
		before, rest, found = strings.Cut(rest, "/*")
	}
	out.WriteString(before)
	return out.String(), true
}

// marks are what comments begin and end with, longer ones first.
var marks = []string{"/*", "*/", "<!--", "-->", "--", "#"}

// removeCommentsChar removes what comments begin and end with, and not what is in them.
func removeCommentsChar(value string) (string, bool) {
	var out []byte
	changed := false
	for i := 0; i < len(value); {
		size := 0
		for _, mark := range marks {
			if strings.HasPrefix(value[i:], mark) {
				size = len(mark)
				break
			}
		}
		switch {
		case size > 0 && !changed:
			changed = true
			out = append(make([]byte, 0, len(value)), value[:i]...)
		case size == 0:
			size = 1
			if changed {
				out = append(out, value[i])
			}
		}
		i += size
	}
	if !changed {
		return value, false
	}
	return string(out), true
}
