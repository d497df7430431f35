package webpage

import (
	"reflect"
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	for header, want := range map[string]string{
		"":                                       "de",
		"de-DE,de;q=0.9":                         "de",
		"en-GB,en;q=0.9,de;q=0.5":                "en",
		"tr":                                     "tr",
		"pl-PL,pl;q=0.9,en-US;q=0.8,en;q=0.7":    "pl",
		"ru;q=1":                                 "ru",
		"uk-UA , ru;q=0.5":                       "uk",
		"ar-EG,ar;q=0.9":                         "ar",
		"ar_EG":                                  "de", // not a tag of BCP 47
		"fr, en;q=0.5":                           "en",
		"fr,\ten":                                "en",
		"fr":                                     "de",
		"*":                                      "de",
		"EN":                                     "en",
		"\xff\xfe,,,;;;q=":                       "de",
		strings.Repeat("x,", 7) + "en":           "en",
		strings.Repeat("x,", 8) + "en":           "de",
		strings.Repeat("x", maxTag-1) + ",en":    "en",
		strings.Repeat("x", maxTag) + ",en":      "de",
		"x;" + strings.Repeat(" ", 100) + ", en": "de",
	} {
		if got := LabelsOf(Negotiate(header)).Language; got != want {
			t.Errorf("Accept-Language %.40q: %s, want %s", header, got, want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, header := range []string{"", "de-DE,de;q=0.9", "fr, en;q=0.5", ",;-*", strings.Repeat("a,", 20)} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := Negotiate(header)
		if got < 0 || got >= Languages {
			t.Fatalf("Negotiate(%q) = %d, want an index of %d languages", header, got, Languages)
		}
		if got > 0 && !strings.Contains(strings.ToLower(header), LabelsOf(got).Language) {
			t.Errorf("Negotiate(%q) = %d, a language that the header does not name", header, got)
		}
	})
}

// No language lacks a label, and no label could be taken for a slot.
func TestLabelsAreComplete(t *testing.T) {
	for i := range Languages {
		for field, value := range reflect.ValueOf(LabelsOf(i)).Fields() {
			if text := value.String(); text == "" || strings.ContainsAny(text, "<>[]\uE000") {
				t.Errorf("%s: %s is %q", LabelsOf(i).Language, field.Name, text)
			}
		}
	}
}
