package incident

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
)

// What replaces the parts of a text that a record must not hold.
const (
	noAddress = "[address]"
	noPath    = "[path]"
	noValue   = "[value]"
)

var (
	aPath  = regexp.MustCompile(`^/[^/\s]|://|[^/\s]/[^/\s]*/|\.[a-z]{2,}(:\d+)?/`)
	aValue = regexp.MustCompile(`[?&]\S*=|^[\w.\[\]-]+=.|%[0-9A-Fa-f]{2}`)
	aMail  = regexp.MustCompile(`[^\s@]@[^\s@]`)
	inside = regexp.MustCompile(`(\d{1,3}\.){3}\d{1,3}|([0-9A-Fa-f]{0,4}:){3,}[0-9A-Fa-f]{0,4}|[0-9A-Fa-f]{0,4}::[0-9A-Fa-f:]*`)
)

// clean makes a text fit for a record: one line, valid UTF-8, at most so many bytes, and
// without what looks like an address, a path or a value of a request. It is the last line of
// defence: reasons are made of numbers, but operators write what they like.
func clean(text string, most int) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "�"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || isInvisible(r)
	})
	for i, word := range words {
		words[i] = cleanWord(word)
	}
	text = strings.Join(words, " ")
	if len(text) <= most {
		return text
	}
	const more = " …"
	end := strings.LastIndexByte(text[:most-len(more)+1], ' ')
	return strings.TrimSpace(text[:max(end, 0)] + more)
}

// isInvisible reports whether a character could reorder or hide others (bidirectional
// controls, joiners, byte-order marks).
func isInvisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Co, r)
}

func cleanWord(word string) string {
	const around = `"'(),;!<>«»„“”‚‘’`
	bare := strings.Trim(word, around)
	switch {
	case bare == noAddress || bare == noPath || bare == noValue:
		return word
	case isAddress(bare):
		return strings.Replace(word, bare, noAddress, 1)
	case aPath.MatchString(bare):
		return strings.Replace(word, bare, noPath, 1)
	case aValue.MatchString(bare):
		return strings.Replace(word, bare, noValue, 1)
	}
	return word
}

// isAddress reports whether a word is, or has in it, an IP address, a prefix, or a mail
// address.
func isAddress(word string) bool {
	trimmed := strings.Trim(word, ".:[]{}=")
	if _, err := netip.ParseAddr(trimmed); err == nil {
		return true
	}
	return aMail.MatchString(word) || inside.MatchString(word)
}
