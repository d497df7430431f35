package browser

import (
	"reflect"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/webpage"
)

// No language lacks a text, and no text could be taken for a slot.
func TestTextsAreComplete(t *testing.T) {
	for i, text := range texts {
		language := webpage.LabelsOf(i).Language
		for field, value := range reflect.ValueOf(text).Fields() {
			if value.String() == "" || strings.ContainsAny(value.String(), "<>[]\uE000") {
				t.Errorf("%s: %s is %q", language, field.Name, value)
			}
		}
		if strings.Count(text.Capped, "{n}") != 1 {
			t.Errorf("%s: %q does not say how long", language, text.Capped)
		}
	}
}

// Texts and labels stand in the same order.
func TestTextsMatchTheirLanguage(t *testing.T) {
	for i, word := range [webpage.Languages]string{"Weiter", "Continue", "Devam", "Dalej", "Продолжить", "Продовжити", "متابعة"} {
		if got := texts[i].Continue; got != word {
			t.Errorf("%s: the button says %q, want %q", webpage.LabelsOf(i).Language, got, word)
		}
	}
}
