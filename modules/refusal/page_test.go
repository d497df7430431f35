package refusal

import (
	"bytes"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/webpage"
)

var loewen = shop.Contact{Name: `Löwen & <Apotheke>`, Phone: "+49 69 90009147", Imprint: "javascript:alert(1)"}

func TestPageSpeaksTheVisitorsLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"":                           `lang="de"`,
		"de-DE,de;q=0.9":             `lang="de"`,
		"en-GB,en;q=0.9,de;q=0.5":    `lang="en"`,
		"fr, en;q=0.5":               `lang="en"`,
		"fr":                         `lang="de"`,
		"EN":                         `lang="en"`,
		"ar-EG":                      `lang="ar" dir="rtl"`,
		"\xff\xfe,,,;;;q=":           `lang="de"`,
		strings.Repeat("x,", 10_000): `lang="de"`,
	} {
		got := appendPage(nil, new(pages).page(loewen, header, false), 3, "abcd-efgh")
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("Accept-Language %.40q: the page lacks %s", header, want)
		}
	}
}

func TestPageSaysWhatToDo(t *testing.T) {
	got := string(appendPage(nil, new(pages).page(loewen, "", false), 17, "abcd-efgh"))
	for _, want := range []string{
		"<strong>17</strong>", "abcd-efgh</code>", `href="tel:&#43;496990009147"`,
		"Löwen &amp; &lt;Apotheke&gt;", "<h1>", "</html>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	for _, never := range []string{"javascript:", "<script", "http://", "[[", "\uE000"} {
		if strings.Contains(got, never) {
			t.Errorf("the page has %s:\n%s", never, got)
		}
	}
}

// Header and page leave in one write of net/http's buffer of 4 KiB.
func TestPageFitsIntoOneWrite(t *testing.T) {
	const room = 4096 - 1000 // for the header
	for language := range texts {
		got := appendPage(nil, new(pages).page(loewen, webpage.LabelsOf(language).Language, false), 3600, "abcd-efgh")
		if len(got) > room {
			t.Errorf("the page in language %d has %d bytes, more than %d", language, len(got), room)
		}
	}
}

// No language lacks a text.
func TestEveryLanguageHasAllTexts(t *testing.T) {
	for language := range texts {
		t.Run(webpage.LabelsOf(language).Language, func(t *testing.T) {
			labels, texts := webpage.LabelsOf(language), texts[language]
			for _, text := range []string{
				labels.Title, texts.Explain, texts.Safe, texts.Wait, texts.Again, labels.Phone, labels.Imprint, labels.Reference,
				texts.Blocked, texts.BlockedWhy, texts.BlockedNext,
			} {
				if len(text) < 5 {
					t.Errorf("a text is %q", text)
				}
			}
		})
	}
}

// A request that waiting does not help is answered without a time to wait, and
// without a link that sends it again.
func TestBlockedPageSaysWhatToDo(t *testing.T) {
	for language, want := range map[string]string{"de": "Das hat leider nicht geklappt", "en": "that did not work"} {
		got := string(appendPage(nil, new(pages).page(loewen, language, true), 0, "abcd-efgh"))
		if !strings.Contains(got, want) || !strings.Contains(got, "abcd-efgh</code>") || !strings.Contains(got, "tel:") {
			t.Errorf("%s: the page lacks something:\n%s", language, got)
		}
		for _, never := range []string{"<strong>", `class="again"`, "[[", "\uE000"} {
			if strings.Contains(got, never) {
				t.Errorf("%s: the page has %s", language, never)
			}
		}
	}
}
