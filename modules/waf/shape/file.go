package shape

import (
	"path"
	"strings"
	"unicode"
)

// endings are those of files that no server carries out or reads as its own.
const endings = " jpg jpeg jpe png gif webp heic heif avif tif tiff bmp pdf doc docx odt xls xlsx ods "

// IsFileName reports whether a name has only words, numbers and the marks between them, and
// the ending of a picture or a document. An apostrophe stands between letters, and behind a
// semicolon or & stands no program. Rule 9900180 asks whether the rest is SQL.
func IsFileName(name string) bool {
	if isEncodedWord(name) {
		return true
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 1 || name[0] == '.' || strings.Contains(name, "..") || !strings.Contains(endings, " "+strings.ToLower(name[dot+1:])+" ") {
		return false
	}
	letters := []rune(name[:dot])
	at := func(i int) rune {
		if i < 0 || i >= len(letters) {
			return ' '
		}
		return letters[i]
	}
	for i, r := range letters {
		switch {
		case r == '\'' && unicode.IsLetter(at(i-1)) && unicode.IsLetter(at(i+1)):
		case r == ' ', isWord(r), strings.ContainsRune("-_.,;()+!&#%@€", r):
		default:
			return false
		}
	}
	if end := strings.IndexAny(name, ";&"); end >= 0 {
		spoken, program := commandsOf(name[end:dot])
		return !spoken && !program && !endsInside(name)
	}
	return true
}

// isEncodedWord reports whether a name is written as in mail (RFC 2047): .NET sends umlauts
// so. The name that it stands for is in the table as well.
func isEncodedWord(name string) bool {
	word, isWord := strings.CutPrefix(strings.ToLower(name), "=?utf-8?b?")
	word, isWhole := strings.CutSuffix(word, "?=")
	return isWord && isWhole && strings.Trim(word, base64Characters+"=") == ""
}

// endsInside reports whether a semicolon stands behind an ending or a command so short that
// it is no word of commandsOf: of shell.asp;.jpg some servers see shell.asp.
func endsInside(name string) bool {
	for before, rest, found := strings.Cut(name, ";"); found; before, rest, found = strings.Cut(rest, ";") {
		if path.Ext(before) != "" && !strings.Contains(path.Ext(before), " ") || strings.EqualFold(strings.TrimSpace(before), "id") {
			return true
		}
	}
	return false
}
