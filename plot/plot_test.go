package plot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Seconds are labelled in round steps, never more than eleven of them.
func TestSeconds(t *testing.T) {
	for seconds, want := range map[int]string{
		8: "0 s 1 s 2 s 3 s 4 s 5 s 6 s 7 s 8 s", 60: "0 s 10 s 20 s 30 s 40 s 50 s 60 s", 90: "0 s 10 s 20 s 30 s 40 s 50 s 60 s 70 s 80 s 90 s",
		600: "0 s 60 s 120 s 180 s 240 s 300 s 360 s 420 s 480 s 540 s 600 s",
	} {
		var labels []string
		for _, line := range X(seconds).Seconds(seconds) {
			labels = append(labels, line.Label)
		}
		if diff := cmp.Diff(want, strings.Join(labels, " ")); diff != "" {
			t.Errorf("%d seconds: %s", seconds, diff)
		}
	}
}

// What a text says does not become markup, in HTML or in Markdown.
func TestTextIsNoMarkup(t *testing.T) {
	tab := &Table{Title: "<b>", Head: []string{"a|b"}, Rows: [][]string{{"*x*", "<i>"}}}
	doc := &Document{Title: "<b>", Sections: []Section{{Tables: []*Table{tab}}}}
	var page, text strings.Builder
	if err := doc.HTML(&page); err != nil {
		t.Fatal(err)
	}
	if err := doc.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<i>") || strings.Contains(page.String(), "<b>") || !strings.Contains(text.String(), `| \*x\* | \<i\> |`) {
		t.Errorf("%s\n%s", page.String(), text.String())
	}
}
