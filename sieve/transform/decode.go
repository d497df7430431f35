package transform

import (
	"strings"
	"unicode/utf8"
)

// nibble is the value of a hexadecimal digit, or -1.
func nibble(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// digits reads at most n digits of a base, and says how many there are.
func digits(text string, n, base int) (value, count int) {
	for count < n && count < len(text) {
		digit := nibble(text[count])
		if digit < 0 || digit >= base {
			break
		}
		value = value*base + digit
		count++
	}
	return value, count
}

// isFullWidth reports whether a character is a wide form of one between ! and ~.
func isFullWidth(code int) bool { return 0xff01 <= code && code <= 0xff5e }

// urlDecodeUni decodes %41, %u0041 and +.
func urlDecodeUni(value string) (string, bool) {
	i := strings.IndexAny(value, "%+")
	if i < 0 {
		return value, false
	}
	out, changed := append(make([]byte, 0, len(value)), value[:i]...), false
	for i < len(value) {
		c, size := value[i], 1
		switch {
		case c == '+':
			c = ' '
		case c == '%':
			c, size = percent(value[i:])
		}
		if size == 0 { // %u, and no number
			out = append(out, value[i:i+2]...)
			i += 2
			continue
		}
		changed = changed || size > 1 || value[i] == '+'
		out = append(out, c)
		i += size
	}
	return string(out), changed
}

// percent decodes the escape at the beginning of a text. The size is 1 if there is none, and
// 0 if it is %u with something else than four digits behind it.
func percent(text string) (c byte, size int) {
	if len(text) > 1 && text[1]|0x20 == 'u' {
		code, n := digits(text[2:], 4, 16)
		if n < 4 {
			return 0, 0
		}
		if c, ok := fits[rune(code)]; ok {
			return c, 6
		}
		return lastByte(code, code>>8 == 0xff && 0 < code&0xff && code&0xff < 0x5f), 6
	}
	if code, n := digits(text[1:], 2, 16); n == 2 {
		return byte(code), 3
	}
	return '%', 1
}

// lastByte is what servers make of a character that they have no room for.
func lastByte(code int, isWide bool) byte {
	if isWide {
		return byte(code) + 0x20
	}
	return byte(code)
}

// utf8ToUnicode writes %u00fc for ü, and %ufffd for a byte that is no UTF-8.
func utf8ToUnicode(value string) (string, bool) {
	i := high.Index(value)
	if i < 0 {
		return value, false
	}
	const hexdigits = "0123456789abcdef"
	out := append(make([]byte, 0, 2*len(value)), value[:i]...)
	for _, r := range value[i:] {
		if r < utf8.RuneSelf {
			out = append(out, byte(r))
			continue
		}
		out = append(out, '%', 'u')
		started := false
		for shift := 20; shift >= 0; shift -= 4 {
			digit := r >> shift & 15
			if started = started || digit != 0 || shift < 16; started {
				out = append(out, hexdigits[digit])
			}
		}
	}
	return string(out), true
}

// base64Decode decodes up to the first character that is none of base64. Line breaks do not count.
func base64Decode(value string) (string, bool) {
	out := make([]byte, 0, len(value)*3/4+1)
	bits, n := 0, 0
	for i := range len(value) {
		c := value[i]
		if c == '\r' || c == '\n' {
			continue
		}
		six := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c)
		if six < 0 {
			break
		}
		bits = bits<<6 | six
		if n++; n == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, n = 0, 0
		}
	}
	switch n {
	case 2:
		out = append(out, byte(bits>>4))
	case 3:
		out = append(out, byte(bits>>10), byte(bits>>2))
	}
	return string(out), true
}
