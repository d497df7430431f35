package demoshop

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// lang is a language of the shop.
type lang int

const (
	german lang = iota
	english
)

// languages are the tags of each lang.
var languages = [...]string{german: "de", english: "en"}

func (l lang) String() string { return languages[l] }

func (l lang) text(key string) (string, error) {
	t, ok := messages[key]
	if !ok {
		return "", fmt.Errorf("looking up text %q: there is none", key)
	}
	return t.In(l), nil
}

func (l lang) money(c Cents) string {
	euros, cents := c/100, c%100
	if l == english {
		return fmt.Sprintf("€%d.%02d", euros, cents)
	}
	return fmt.Sprintf("%d,%02d €", euros, cents)
}

// Text is a text in each language.
type Text struct {
	DE string `json:"de"`
	EN string `json:"en"`
}

// In returns the text in that language.
func (t Text) In(l lang) string {
	if l == english {
		return t.EN
	}
	return t.DE
}

// pickLanguage returns the language that the visitor asked for: in the URL, earlier, or
// in the browser's settings; otherwise the shop's own.
func pickLanguage(r *http.Request, cookieName, otherwise string) lang {
	for _, tag := range []string{
		r.URL.Query().Get("lang"),
		cookie(r, cookieName),
		preferred(r.Header.Get("Accept-Language")),
		otherwise,
	} {
		if i := slices.Index(languages[:], tag); i >= 0 {
			return lang(i)
		}
	}
	return german
}

// preferred reads an Accept-Language header and returns the best of our
// languages, or nothing. Of equals, the first wins.
func preferred(header string) (best string) {
	var most float64
	for i, item := range strings.Split(header, ",") {
		if i == 20 {
			break // no browser sends more
		}
		tag, params, _ := strings.Cut(item, ";")
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if !slices.Contains(languages[:], base) {
			continue
		}
		q := 1.0
		if weight, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(weight, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		if q > most {
			best, most = base, q
		}
	}
	return best
}
