package waf

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/types/variables"

	"github.com/theriac-edge/theriac/parser"
)

// shape is what a value looks like, whatever its field is called.
type shape uint8

const (
	noShape  shape = iota
	prose          // what people write: names, products, streets, sentences
	link           // an address or a query, such as ?page=1&url=x
	document       // JSON or GraphQL, such as {route{url}}
)

// misread are the rules that take words for command lines.
var misread = [...][]int{
	prose:    {932125, 932230, 932235, 932250, 932260, 932340, 932370, 932380, 942350},
	link:     {932230, 932235, 932250, 932260, 932370},
	document: {932370},
}

// maxMisread bounds the exclusions of a request: each rule compares each with each value.
const maxMisread = 32

// excludeShapes keeps rules from the fields that they would misread. A field is inspected
// by all rules if one of its values has another shape.
func excludeShapes(tx transaction, _ *http.Request, t *parser.Table) {
	left := maxMisread
	for _, v := range t.Values {
		if !isArgument(v) || v.Name == "" { // an exclusion without a name would hold for all fields
			continue
		}
		shape, spoken := shapeOf(v.Text)
		if !spoken || shape == noShape {
			continue
		}
		if left--; left < 0 {
			return
		}
		if name := strings.ToLower(v.Name); hasShape(t.Values, name, shape) {
			for _, rule := range misread[shape] {
				tx.RemoveRuleTargetByID(rule, variables.Args, name, nil)
			}
		}
	}
}

// isArgument reports whether a value is among Coraza's ARGS.
func isArgument(v parser.Value) bool {
	switch v.Source {
	case parser.Query, parser.Form, parser.Part, parser.Leaf, parser.Body:
		return true
	}
	return false
}

// hasShape reports whether all arguments with a name have one shape. Names are compared as
// Coraza does.
func hasShape(values []parser.Value, name string, want shape) bool {
	for _, v := range values {
		if isArgument(v) && strings.ToLower(v.Name) == name {
			if shape, _ := shapeOf(v.Text); shape != want {
				return false
			}
		}
	}
	return true
}

// shapeOf returns the shape of a value, and whether it has a word that is a program as well,
// without which no rule misreads it. It reads the value once or twice and allocates nothing.
func shapeOf(text string) (s shape, spoken bool) {
	spoken, program := commandsOf(text)
	switch {
	case program:
	case isProse(text):
		return prose, spoken
	case isLink(text):
		return link, spoken
	case isDocument(text):
		return document, spoken
	}
	return noShape, spoken
}

// isProse reports whether a text has only what people write: words, numbers and the marks
// between them, but no options, paths, files or operators, which command lines have.
func isProse(text string) bool {
	before := ' '
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		after, n := utf8.DecodeRuneInString(text)
		switch {
		case isWord(r), isBlank(r), r != 0 && r < 0x80 && strings.IndexByte(",;:!?'\"()%+*", byte(r)) >= 0:
		case r == '.': // z.B., 9.95 and Dr.Hauschka, but no info.php
			if next, _ := utf8.DecodeRuneInString(text[n:]); unicode.IsLower(before) && unicode.IsLower(after) && unicode.IsLetter(next) {
				return false
			}
		case r == '-' && !(isBlank(before) && (isWord(after) || after == '-')): // WC-Ente, but no -e
		case r == '/' && isWord(before) && isWord(after): // Hals/Nase, but no /etc
		case r == '&' && before != '&' && after != '&':
		default:
			return false
		}
		before = r
	}
	return true
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
		if name, _, ok := strings.Cut(pair, "="); rest != "" && (!ok || strings.Trim(name, nameCharacters) != "") {
			return false
		}
	}
	return true
}

const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]%"

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
