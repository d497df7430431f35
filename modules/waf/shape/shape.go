// Package shape tells what a text looks like, whatever the field is called that it stands in:
// what people write, an address, a document, a key. Rules that look for command lines, calls
// and scripts misread some of them.
package shape

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shape is what a text looks like: a set, since a quotation is prose as well.
type Shape uint8

// The shapes.
const (
	Prose     Shape = 1 << iota // what people write: names, products, streets, sentences
	Quotation                   // the same, with an exclamation mark behind a word in quotation marks
	Link                        // an address or a query, such as ?page=1&url=x
	Document                    // JSON or GraphQL, such as {route{url}}
	Picture                     // data:image/jpeg;base64,…
	Token                       // eyJhIjoiYiJ9==
	Remark                      // prose with words in brackets, such as Insert (Einsatz)
	Umlaut                      // letters whose bytes are marks to a program that knows seven bits
)

// Of returns the shapes of a text, and those of them that a rule would misread: without
// a word that is a program as well, none takes prose for a command line. It reads the text
// a few times and allocates nothing.
func Of(text string) (all, misread Shape) {
	spoken, program := commandsOf(text)
	switch {
	case isPicture(text):
		return Picture, Picture
	case text == "base64": // as the name of an encoding: a command needs something to encode
		return Prose, Prose
	case isToken(text):
		all, misread = Token, Token
	}
	switch {
	case isProse(text):
		if isExclaimed(text) {
			all |= Quotation
		}
		if hasRemark(text) {
			all |= Remark
		}
		misread |= all
		if !program {
			all |= Prose
		}
	case hasUmlaut(text):
		all, misread = all|Umlaut, misread|Umlaut
	case program:
	case isLink(text):
		all |= Link
	case isDocument(text):
		all |= Document
	}
	if spoken {
		misread |= all & (Prose | Link | Document)
	}
	return all, misread
}

// isProse reports whether a text has only what people write: words, numbers and the marks
// between them, but no options, paths, files or operators, which command lines have.
func isProse(text string) bool {
	text = strings.TrimPrefix(text, "\ufeff")
	before, length := ' ', 0 // the last character, and how many letters stand in front
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		after, _ := utf8.DecodeRuneInString(text)
		switch {
		case isWord(r), isBlank(r), r != 0 && r < 0x80 && strings.IndexByte(",;:!?'\"()%+*", byte(r)) >= 0:
		case r == '.' && !(unicode.IsLetter(before) && isExtension(text, length)): // z.B., 9.95 and Dr.Hauschka, but no info.php
		case r == '-' && !(isBlank(before) && (isWord(after) || after == '-')): // WC-Ente, but no -e
		case r == '/' && isWord(before) && isWord(after): // Hals/Nase, but no /etc
		case r == '&' && before != '&' && after != '&':
		default:
			return false
		}
		if before = r; unicode.IsLetter(r) {
			length++
		} else {
			length = 0
		}
	}
	return true
}

// isExtension reports whether what follows a dot is the ending of a file or a host: two small
// letters or more, or, behind a word of more than two, up to four letters of any kind.
func isExtension(text string, before int) bool {
	word := text
	if end := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }); end >= 0 {
		word = text[:end]
	}
	n := utf8.RuneCountInString(word)
	first, _ := utf8.DecodeRuneInString(word)
	return n >= 2 && (unicode.IsLower(first) || before > 2 && n <= 4)
}

func isBlank(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\u00a0' }

// isWord reports whether words are written with a character. Fullwidth forms are not: some
// systems take them for the operators that they look like.
func isWord(r rune) bool {
	switch {
	case r < 0x80:
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	case r == utf8.RuneError, 0xff00 <= r && r <= 0xffef:
		return false
	}
	return unicode.IsGraphic(r) || r == '\u200d' // joins emoji
}

// isLink reports whether a text is an address or a query of plain pairs: between & and =
// stands a name, which shells do not take for a program.
func isLink(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"'`;|$(){}<>\\^", c) >= 0 {
			return false
		}
	}
	_, pairs, found := strings.Cut(text, "?")
	if !found {
		pairs = text
	}
	first, rest, _ := strings.Cut(pairs, "&")
	if !found && !strings.Contains(first, "=") {
		return false
	}
	for pair := range strings.SplitSeq(rest, "&") {
		if name, _, ok := strings.Cut(pair, "="); rest != "" && (!ok || strings.Trim(name, NameCharacters) != "") {
			return false
		}
	}
	return true
}

// NameCharacters are those of which the names of fields consist.
const NameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]%"

// isDocument reports whether a text is JSON or GraphQL by its frame.
func isDocument(text string) bool {
	text = strings.TrimSpace(text)
	if text == "" || strings.IndexByte("}]", text[len(text)-1]) < 0 || strings.ContainsAny(text, "`|<>") || strings.Contains(text, "$(") || strings.Contains(text, "${") {
		return false
	}
	first, _, _ := strings.Cut(text, " ")
	switch first {
	case "query", "mutation", "subscription", "fragment":
		return true
	}
	return text[0] == '{' || text[0] == '['
}

// isPicture reports whether a text is a picture or a document as a data URL, and nothing
// else. SVG is not: it can contain scripts.
func isPicture(text string) bool {
	text, isData := strings.CutPrefix(text, "data:")
	media, content, found := strings.Cut(text, ";base64,")
	if !isData || !found || strings.Trim(content, base64Characters+"=\r\n ") != "" {
		return false
	}
	switch strings.ToLower(media) {
	case "image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp", "image/heic", "image/heif", "image/avif", "image/bmp", "image/tiff", "application/pdf":
		return true
	}
	return false
}

const base64Characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/-_"

// isToken reports whether a text is a key, a signature or the like: one word of at least
// 16 letters of base64, among them small ones, capitals and digits, in parts divided by
// dots. Without blanks, marks and brackets it cannot leave the attribute or the text in
// which a page has it.
func isToken(text string) bool {
	var small, capital, digit, equal bool
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z':
			small = true
		case 'A' <= c && c <= 'Z':
			capital = true
		case '0' <= c && c <= '9':
			digit = true
		case c == '=':
			equal = true
		case c == '%' && i+2 < len(text) && strings.Contains(" 2B 2F 3D ", " "+text[i+1:i+3]+" "): // + / =
			equal = equal || text[i+1] == '3'
			i += 2
		case strings.IndexByte("+/-_.~", c) < 0:
			return false
		}
	}
	return len(text) >= 16 && small && capital && digit && equal
}
