package parser

import "strings"

// smallestFile is the length from which a text in base64 is taken for a file. Passes,
// tokens and signatures are shorter, and inspected.
const smallestFile = 4 << 10

// isFile reports whether a text is a file in base64 (RFC 4648, with or without the
// lines of RFC 2045), which may be a data URL of a picture or a PDF (RFC 2397).
func isFile(text string) bool {
	if len(text) < smallestFile {
		return false
	}
	if rest, isURL := strings.CutPrefix(text, "data:"); isURL {
		end := strings.Index(rest[:100], ";base64,")
		if end < 0 || !isPicture(rest[:end]) {
			return false
		}
		text = rest[end+len(";base64,"):]
	}
	padding := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\r' || c == '\n':
		case c == '=':
			padding++
		case padding > 0 || !isBase64[c]:
			return false
		}
	}
	return padding <= 2
}

// isPicture reports whether a media type is a picture or a PDF, none with scripts.
func isPicture(media string) bool {
	return strings.HasPrefix(media, "image/") && !strings.HasPrefix(media, "image/svg") || media == "application/pdf"
}

// isBase64 has both alphabets, and no other letters.
var isBase64 = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		set[c] = true
	}
	return set
}()
