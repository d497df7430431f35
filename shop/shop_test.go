package shop

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestParseID(t *testing.T) {
	for _, id := range []string{"a", "loewen", "loewen-2", "24h-apotheke", strings.Repeat("a", maxID)} {
		if got, err := ParseID(id); err != nil || string(got) != id {
			t.Errorf("ParseID(%q) = %q, %v; want it unchanged", id, got, err)
		}
	}
	for id, want := range map[string]string{
		"":                           "a shop needs a name",
		"Loewen":                     "has 'L' in it",
		"löwen":                      "has 'ö' in it",
		"a b":                        "has ' ' in it",
		"a/b":                        "has '/' in it",
		"-a":                         "must not begin or end",
		"a-":                         "must not begin or end",
		strings.Repeat("a", maxID+1): "at most 40 are allowed",
	} {
		if _, err := ParseID(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseID(%q) says %v; want %q", id, err, want)
		}
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"20/s":    {20, time.Second},
		"5/m":     {5, time.Minute},
		"100/h":   {100, time.Hour},
		"3/d":     {3, 24 * time.Hour},
		"50/10s":  {50, 10 * time.Second},
		"1/500ms": {1, 500 * time.Millisecond},
	} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v; want %v", text, got, err, want)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("ParseRate(%q) = %v, %v; want what it was made from: %v", got.String(), again, err, got)
		}
	}
	for text, want := range map[string]string{
		"":              "missing unit",
		"20":            "missing unit",
		"x/s":           "want a whole number",
		"0/s":           "want a whole number",
		"-1/s":          "want a whole number",
		"1.5/s":         "want a whole number",
		"99999999999/s": "want a whole number",
		"5/":            "unrecognized unit",
		"5/w":           "unrecognized unit",
		"5/-1s":         "unrecognized unit",
		"5/25h":         "unrecognized unit",
		"9000000/s":     "more than one event per microsecond",
	} {
		if _, err := ParseRate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRate(%q) says %v; want %q", text, err, want)
		}
	}
}

func TestRateInJSON(t *testing.T) {
	var got struct{ Rate Rate }
	if err := json.Unmarshal([]byte(`{"Rate":"5/m"}`), &got); err != nil || got.Rate != (Rate{5, time.Minute}) {
		t.Fatalf("reading: %v, %v", got, err)
	}
	text, err := json.Marshal(got)
	if err != nil || string(text) != `{"Rate":"5/m"}` {
		t.Fatalf("writing: %s, %v", text, err)
	}
	if err := json.Unmarshal([]byte(`{"Rate":"often"}`), &got); err == nil {
		t.Error("a rate of \"often\" was taken")
	}
}

func TestClassesHaveNames(t *testing.T) {
	for c := range Class(Classes) {
		got, err := ParseClass(c.String())
		if err != nil || got != c || c.String() == "" {
			t.Errorf("class %d: ParseClass(%q) = %v, %v", c, c.String(), got, err)
		}
		if !AllClasses.Has(c) {
			t.Errorf("AllClasses lacks %s", c)
		}
	}
	if _, err := ParseClass("nonsense"); err == nil {
		t.Error("nonsense is a class")
	}
	if s := ClassSet(0).With(Cart); !s.Has(Cart) || s.Has(Page) {
		t.Errorf("the set of cart is %b", s)
	}
}

func TestLevelsHaveNamesAndNumbers(t *testing.T) {
	for l := range Level(Levels) {
		number, name, _ := strings.Cut(l.String(), " ")
		got, err := ParseLevel(number)
		if err != nil || got != l || name == "" {
			t.Errorf("level %d: ParseLevel(%q) = %v, %v; called %q", l, number, got, err, name)
		}
	}
	for _, text := range []string{"", "5", "-1", "calm", "1.5", "256"} {
		if l, err := ParseLevel(text); err == nil {
			t.Errorf("%q is level %v", text, l)
		}
	}
	for trust := Suspicious; trust <= Passed; trust++ {
		if trust.String() == "" {
			t.Errorf("trust %d has no name", trust)
		}
	}
}

func FuzzParseRate(f *testing.F) {
	f.Add("20/s")
	f.Add("1/24h")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		if r.Interval() < time.Microsecond || r.Interval() > 24*time.Hour {
			t.Errorf("ParseRate(%q) has an interval of %s", text, r.Interval())
		}
		if again, err := ParseRate(r.String()); err != nil || again != r {
			t.Errorf("ParseRate(%q) = %v, which reads back as %v, %v", text, r, again, err)
		}
	})
}
