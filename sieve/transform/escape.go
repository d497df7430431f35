package transform

import (
	"strings"
	"unicode/utf8"
)

// unescape replaces each backslash and what belongs to it. The text given to next begins with
// a backslash; size is how much of it is used up.
func unescape(value string, next func(out []byte, text string) (longer []byte, size int)) string {
	i := strings.IndexByte(value, '\\')
	out := append(make([]byte, 0, len(value)), value[:i]...)
	for i < len(value) {
		if value[i] != '\\' {
			out = append(out, value[i])
			i++
			continue
		}
		var size int
		out, size = next(out, value[i:])
		i += size
	}
	return string(out)
}

// letter is the character that \n and its like stand for.
func letter(c byte) (control byte, ok bool) {
	if i := strings.IndexByte("abtnvfr", c); i >= 0 {
		return "\a\b\t\n\v\f\r"[i], true
	}
	return c, false
}

// cssDecode decodes \41 and \000041, and takes the backslash from all else.
func cssDecode(value string) (string, bool) {
	if strings.IndexByte(value, '\\') < 0 {
		return value, false
	}
	result := unescape(value, func(out []byte, text string) ([]byte, int) {
		code, n := digits(text[1:], 6, 16)
		switch {
		case len(text) == 1:
			return out, 1
		case n == 0 && text[1] == '\n':
			return out, 2
		case n == 0:
			return append(out, text[1]), 2
		case code == 0:
			code = utf8.RuneError
		case isFullWidth(code):
			code -= 0xfee0
		}
		out = utf8.AppendRune(out, rune(code))
		if size := 1 + n; size < len(text) && strings.IndexByte(" \t\n\v\f\r", text[size]) >= 0 {
			n++
		}
		return out, 1 + n
	})
	return result, true
}

// jsDecode decodes \x41, \u0041, \u{41}, \101 and \n, and takes the backslash from all else.
func jsDecode(value string) (string, bool) {
	return decodeBackslashes(value, jsEscape)
}

// decodeBackslashes decodes a value in which each backslash, but for one at the end, begins what
// stands for one byte. escape returns that byte, and how long it is written.
func decodeBackslashes(value string, escape func(text string) (c byte, size int)) (string, bool) {
	if strings.IndexByte(value, '\\') < 0 {
		return value, false
	}
	changed := false
	result := unescape(value, func(out []byte, text string) ([]byte, int) {
		if len(text) == 1 {
			return append(out, '\\'), 1
		}
		changed = true
		c, size := escape(text)
		return append(out, c), size
	})
	return result, changed
}

func jsEscape(text string) (c byte, size int) {
	switch text[1] {
	case 'u':
		if strings.HasPrefix(text[2:], "{") {
			if code, n := digits(text[3:], 6, 16); n > 0 && strings.HasPrefix(text[3+n:], "}") {
				return lastByte(code, isFullWidth(code)), n + 4
			}
		} else if code, n := digits(text[2:], 4, 16); n == 4 {
			return lastByte(code, code>>8 == 0xff && 0 < code&0xff && code&0xff < 0x5f), 6
		}
	case 'x':
		if code, n := digits(text[2:], 2, 16); n == 2 {
			return byte(code), 4
		}
	}
	most := 3
	if text[1] > '3' {
		most = 2 // \400 is no byte
	}
	if code, n := digits(text[1:], most, 8); n > 0 {
		return byte(code), 1 + n
	}
	c, _ = letter(text[1])
	return c, 2
}

// escapeSeqDecode decodes what ANSI C knows: \x41, \101 and \n.
func escapeSeqDecode(value string) (string, bool) {
	return decodeBackslashes(value, ansiEscape)
}

func ansiEscape(text string) (c byte, size int) {
	if c, ok := letter(text[1]); ok {
		return c, 2
	}
	if text[1]|0x20 == 'x' {
		if code, n := digits(text[2:], 2, 16); n == 2 {
			return byte(code), 4
		}
	}
	if code, n := digits(text[1:], 3, 8); n > 0 {
		return byte(code), 1 + n
	}
	return text[1], 2
}
