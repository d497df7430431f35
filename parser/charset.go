package parser

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// blanks are the white space of JSON and XML.
const blanks = " \t\r\n"

// bom is the byte order mark of UTF-8, which programs of .NET put before a document.
var bom = []byte("\xef\xbb\xbf")

// charsets are those of one byte a character that merchandise systems in Germany send.
var charsets = map[string]*charmap.Charmap{
	"iso-8859-1":   charmap.ISO8859_1,
	"latin1":       charmap.ISO8859_1,
	"iso-8859-15":  charmap.ISO8859_15,
	"latin9":       charmap.ISO8859_15,
	"windows-1252": charmap.Windows1252,
	"cp1252":       charmap.Windows1252,
}

// decode returns a body as UTF-8. It fails if rules cannot read the charset, or if a byte
// means nothing in it. A body in UTF-8, or without a charset, is returned as it is.
func decode(body []byte, charset string) ([]byte, bool) {
	switch charset = strings.ToLower(charset); charset {
	case "", "utf-8", "utf8":
		return body, true
	case "us-ascii", "ascii":
		return body, isASCII(body)
	}
	chars, ok := charsets[charset]
	if !ok || isASCII(body) {
		return body, ok
	}
	text := make([]byte, 0, len(body)+len(body)/8)
	for _, b := range body {
		text = utf8.AppendRune(text, chars.DecodeByte(b))
	}
	return text, true
}

// isReadable reports whether rules read the letters of a charset as servers do.
func isReadable(charset string) bool {
	_, ok := decode(nil, charset)
	return ok
}

// isASCII reports whether a body reads the same in all charsets that rules can read.
func isASCII(body []byte) bool {
	for _, b := range body {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
