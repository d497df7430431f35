package watch

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestDocumented: the constants in the page of design are those of the code.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/design/watch.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := reflect.ValueOf(Defaults())
	rows := regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\| ([0-9. ]+) \\|").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 10 {
		t.Fatalf("%d settings are documented, want at least 10", len(rows))
	}
	for _, row := range rows {
		field := settings.FieldByName(row[1])
		if !field.IsValid() {
			t.Errorf("%s is documented and no setting", row[1])
			continue
		}
		if got, want := row[2], strings.Trim(fmt.Sprint(field), "[]"); got != want {
			t.Errorf("%s is documented as %s, and is %s", row[1], got, want)
		}
	}
}

// TestAllowance: what is allowed follows what is usual, what was borne, what was announced and the
// shop's health.
func TestAllowance(t *testing.T) {
	set := Defaults()
	for name, c := range map[string]struct {
		usual Expected
		sick  bool
		k, h  float64
	}{
		"nothing usual":       {k: 5, h: 30},
		"usual":               {usual: Expected{Strangers: [Streams]float64{Page: 10}}, k: 30, h: 60},
		"announced":           {usual: Expected{Strangers: [Streams]float64{Page: 10}, Announced: 2}, k: 60, h: 120},
		"announced as less":   {usual: Expected{Strangers: [Streams]float64{Page: 10}, Announced: 0.5}, k: 30, h: 60},
		"borne":               {usual: Expected{Borne: 80}, k: 20, h: 40},
		"borne without end":   {usual: Expected{Borne: 1e6}, k: 50, h: 100},
		"sick":                {sick: true, k: 1, h: 15},
		"sick, and has borne": {usual: Expected{Borne: 80}, sick: true, k: 1, h: 15},
		"sick, usual":         {usual: Expected{Strangers: [Streams]float64{Page: 10}}, sick: true, k: 15, h: 30},
	} {
		if k, h := set.allowance(int(Page), &c.usual, c.sick); k != c.k || h != c.h {
			t.Errorf("%s: %v/s and %v in all, want %v and %v", name, k, h, c.k, c.h)
		}
	}
}
