package chrome

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A Sight is a page in a state that its visitors meet.
type Sight struct {
	Name      string // of its pictures
	URL       string
	Script    string // brings the page into that state
	Direction string // in which its text runs: ltr or rtl
}

// phone is the width of a small one, in CSS pixels.
const phone = 360

// fits reports whether the page has a margin on a phone and is no wider.
const fits = `(() => {
	const {left, right} = document.querySelector("main").getBoundingClientRect();
	return document.documentElement.scrollWidth === 360 && left >= 16 && right <= 344;
})()`

// Accessible fails the test if axe-core finds something on one of the pages,
// in light or dark, if a page does not fit on a phone, or if the browser
// complains. With `go test -artifacts` the pictures are kept.
func (b *Browser) Accessible(t *testing.T, axe string, sights ...Sight) {
	t.Helper()
	tab := b.Visit(t)
	for _, scheme := range []string{"light", "dark"} {
		Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		for _, s := range sights {
			name := s.Name + "-" + scheme
			tab.Do(chromedp.EmulateViewport(phone, 1400), chromedp.Navigate(s.URL))
			Eval[chromedp.Void](tab, s.Script)
			if !Eval[bool](tab, fits) {
				t.Errorf("%s does not fit on a phone", name)
			}
			if runs := Eval[string](tab, `getComputedStyle(document.body).direction`); runs != s.Direction {
				t.Errorf("%s runs %s, want %s", name, runs, s.Direction)
			}
			tab.Screenshot(name + "-phone")
			tab.Do(chromedp.EmulateViewport(1280, 800))
			tab.Screenshot(name + "-wide")
			Eval[chromedp.Void](tab, axe)
			found := Eval[string](tab, `axe.run().then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html)).join("\n"))`)
			if found != "" {
				t.Errorf("%s: axe finds %s", name, found)
			}
		}
	}
	if got := tab.Complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %q", got)
	}
}
