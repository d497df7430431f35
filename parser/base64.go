package parser

import "strings"

// smallestFile is the length from which a text in base64 is taken for a file. Passes,
// tokens and signatures are shorter, and inspected.
const smallestFile = 4 << 10

// shortestLine is the length that lines of such a file have at least: encoders break them at
// 64 or 76. In shorter lines words could stand, such as union and select.
const shortestLine = 60

// isFile reports whether a text is a file in base64 (RFC 4648), which may be a data URL of a
// picture or a PDF (RFC 2397). If it is in lines (RFC 2045), all but the last have one length.
func isFile(text string) bool {
	if len(text) < smallestFile {
		return false
	}
	if rest, isURL := strings.CutPrefix(text, "data:"); isURL {
		end := strings.Index(rest[:100], ";base64,")
		if end < 0 || !isPicture(rest[:end]) {
			return false
		}
		text = strings.ReplaceAll(rest[end+len(";base64,"):], " ", "+") // a + that a script has not encoded
	}
	first, _, wrapped := strings.Cut(text, "\n")
	if wrapped && len(first) < shortestLine {
		return false
	}
	for text != "" {
		line, rest, isFull := strings.Cut(text, "\n")
		if isFull && rest != "" && len(line) != len(first) || !isBase64Line(strings.TrimSuffix(line, "\r"), rest == "") {
			return false
		}
		text = rest
	}
	return true
}

// isBase64Line reports whether a line has only letters of base64. The last one may be padded.
func isBase64Line(line string, isLast bool) bool {
	if isLast {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "="), "=")
	}
	for i := range len(line) {
		if !isBase64[line[i]] {
			return false
		}
	}
	return true
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
