package browser

import "strings"

// Languages is how many languages the pages speak. A language is an index below
// it; 0 is German, for everybody whose language is not here.
const Languages = 7

// maxTags bounds the work for hostile headers, maxTag that for one tag.
const (
	maxTags = 8
	maxTag  = 64
)

// Choose takes the first language of an Accept-Language header that is here.
// Browsers list languages by preference, so the weights need not be read.
func Choose(acceptLanguage string) int {
	rest := acceptLanguage
	for range maxTags {
		end := strings.IndexByte(rest[:min(len(rest), maxTag)], ',')
		tag := rest
		if end >= 0 {
			tag, rest = rest[:end], rest[end+1:]
		} else if len(rest) > maxTag {
			return 0
		}
		tag = strings.TrimLeft(tag, " \t")
		if primary := tag[:primaryLen(tag)]; primary != "" {
			for i := range texts {
				if strings.EqualFold(primary, texts[i].Language) {
					return i
				}
			}
		}
		if end < 0 {
			return 0
		}
	}
	return 0
}

// primaryLen is the length of a tag's language, before region and weight.
func primaryLen(tag string) int {
	if end := strings.IndexAny(tag, "-; \t"); end >= 0 {
		return end
	}
	return len(tag)
}
