package chrome

import (
	"fmt"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// What a visitor does with hands. All of it finds elements by scripts: chromedp
// has its own picture of the document, which is out of date when the back button
// brings a page back from the browser's memory.

// Click clicks with the mouse on what a CSS selector finds first.
func (tab *Tab) Click(css string) {
	tab.t.Helper()
	tab.See(css)
	at := Eval[[]float64](tab, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({ block: "center", behavior: "instant" });
		const { x, y, width, height } = e.getBoundingClientRect();
		return [x + width / 2, y + height / 2];
	})()`, css))
	tab.Do(chromedp.MouseClickXY(at[0], at[1]))
}

// Fill writes into fields, by their CSS selectors.
func (tab *Tab) Fill(fields map[string]string) {
	tab.t.Helper()
	for css, text := range fields {
		Eval[string](tab, fmt.Sprintf(`document.querySelector(%q).value = %q`, css, text))
	}
}

// Attach chooses a file in a form.
func (tab *Tab) Attach(css, file string) {
	tab.t.Helper()
	field := run(tab, chromedp.Evaluate[*runtime.RemoteObject](fmt.Sprintf(`document.querySelector(%q)`, css)))
	Call(tab, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, ObjectID: field.ObjectID})
}

// Back presses the back button as often as steps says; below zero, the forward
// button.
func (tab *Tab) Back(steps int) {
	tab.t.Helper()
	history := Call(tab, page.GetNavigationHistory, struct{}{})
	to := int(history.CurrentIndex) - steps
	if to < 0 || to >= len(history.Entries) {
		tab.fail(fmt.Errorf("there is nothing %d pages back", steps))
	}
	Call(tab, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[to].ID})
}
