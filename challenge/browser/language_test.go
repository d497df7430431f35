package browser

import (
	"reflect"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for header, want := range map[string]string{
		"":                                       "de",
		"de-DE,de;q=0.9":                         "de",
		"en-GB,en;q=0.9,de;q=0.5":                "en",
		"tr":                                     "tr",
		"pl-PL,pl;q=0.9,en-US;q=0.8,en;q=0.7":    "pl",
		"ru;q=1":                                 "ru",
		"uk-UA , ru;q=0.5":                       "uk",
		"ar-EG,ar;q=0.9":                         "ar",
		"ar_EG":                                  "de", // no tag of BCP 47
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
		if got := texts[Choose(header)].Language; got != want {
			t.Errorf("Accept-Language %.40q: %s, want %s", header, got, want)
		}
	}
}

func FuzzChoose(f *testing.F) {
	for _, header := range []string{"", "de-DE,de;q=0.9", "fr, en;q=0.5", ",;-*", strings.Repeat("a,", 20)} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := Choose(header)
		if got < 0 || got >= Languages {
			t.Fatalf("Choose(%q) = %d, want an index of %d languages", header, got, Languages)
		}
		if got > 0 && !strings.Contains(strings.ToLower(header), texts[got].Language) {
			t.Errorf("Choose(%q) = %d, a language it does not name", header, got)
		}
	})
}

// No language lacks a text, and no text looks like the sign of a value.
func TestTextsAreWhole(t *testing.T) {
	for _, text := range texts {
		for field, value := range reflect.ValueOf(text).Fields() {
			checkText(t, text.Language, field, value)
		}
		for field, value := range reflect.ValueOf(text.Words).Fields() {
			checkText(t, text.Language, field, value)
		}
		if strings.Count(text.Capped, "{n}") != 1 {
			t.Errorf("%s: %q does not say how long", text.Language, text.Capped)
		}
	}
}

func TestTight(t *testing.T) {
	for name, step := range map[string]struct{ source, signs, want string }{
		"comments and indentation": {"// why\nlet a = 1;\n\n\t// how\n\tlet b = a + 2;\n", operators, "let a=1;let b=a+2;"},
		"words stay apart":         {"return typeof x in y;", operators, "return typeof x in y;"},
		"quoted text stays":        {"say(\"a + b ; }\" , 'c  ( d', `e { ${f - g} }`);", operators, "say(\"a + b ; }\",'c  ( d',`e { ${f - g} }`);"},
		"the last of a block":      {"if (a) {\n\tb();\n}\nc();", operators, "if(a){b()}c();"},
		"a style":                  {"a, b > c { margin: 0 auto; }\n@media (x: y) { p { font: 1rem/1.6 serif; } }", "{};:,", "a,b > c{margin:0 auto}@media (x:y){p{font:1rem/1.6 serif}}"},
	} {
		if got := Tight(step.source, step.signs); got != step.want {
			t.Errorf("%s: %q, want %q", name, got, step.want)
		}
	}
}

func checkText(t *testing.T, language string, field reflect.StructField, value reflect.Value) {
	t.Helper()
	if value.Kind() == reflect.String && (value.String() == "" || strings.ContainsAny(value.String(), "<>[]\uE000")) {
		t.Errorf("%s: %s is %q", language, field.Name, value)
	}
}
