package pattern

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// namesBytes reports whether Coraza 3.8.1 reads an expression as one over bytes: if what is
// left when \x41 and \x{41} are replaced by a byte each is no UTF-8. It looks for x behind
// each backslash, also one that is escaped itself, and not at the last three bytes.
func namesBytes(expression string) bool {
	var decoded []byte
	for i := 0; i < len(expression); i++ {
		if expression[i] != '\\' {
			decoded = append(decoded, expression[i])
			continue
		}
		if i+3 >= len(expression) {
			decoded = append(decoded, expression[i:]...)
			break
		}
		value, size := hexEscape(expression[i:])
		if size == 0 {
			value, size = '\\', 1
		}
		decoded = append(decoded, value)
		i += size - 1
	}
	return !utf8.Valid(decoded)
}

// hexEscape reads \x41, or \x{41…} up to the bracket, of which the first two digits count.
func hexEscape(text string) (value byte, size int) {
	if text[1] != 'x' {
		return 0, 0
	}
	digits, size := text[2:4], 4
	if end := strings.IndexByte(text, '}'); len(text) >= 6 && text[2] == '{' && end > 0 {
		if end < 5 {
			return 0, 0
		}
		digits, size = text[3:5], end+1
	}
	n, err := strconv.ParseUint(digits, 16, 8)
	if err != nil {
		return 0, 0
	}
	return byte(n), size
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
