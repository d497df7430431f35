package alert

import (
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// line makes one line of printable characters of a text. Control characters and those that
// change the direction of writing have no place in what goes to other people's programs.
func line(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(clean), " ")
}

// cut shortens a text to that many characters.
func cut(text string, most int) string {
	if len(text) <= most || utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	return strings.TrimSpace(string(runes[:most-1])) + "…"
}

// cutBytes shortens a key to that many bytes. It stays a key: nothing is added.
func cutBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// isWebLink reports whether a text can be what a click opens.
func isWebLink(text string) bool {
	if len(text) > maxLink || text != line(text) || strings.ContainsAny(text, "<>|\" ") {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// clock writes a time for people.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
