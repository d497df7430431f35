package chrome

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Tab is what one visitor looks at. Its methods fail the test, so they belong
// in the test's own goroutine.
type Tab struct {
	context.Context

	t testing.TB
	heard
}

// patience is how long anything may take that a visitor waits for.
const patience = 45 * time.Second

// violations has the browser complain of what a page's policy forbids.
const violations = `addEventListener("securitypolicyviolation", (e) => console.error("violates " + e.violatedDirective + ": " + e.blockedURI))`

// open opens a tab beside, or in, what parent is.
func open(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, end := chromedp.NewContext(parent, options...)
	t.Cleanup(end)
	tab := &Tab{Context: ctx, t: t}
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	Call(tab, log.Enable, cdp.Empty{})
	Call(tab, network.Enable, network.EnableParams{})
	tab.Before(violations)
	return tab
}

// Beside opens another tab of the same visitor.
func (tab *Tab) Beside() *Tab {
	tab.t.Helper()
	return open(tab.t, tab.Context)
}

// Do has the browser do all of this.
func (tab *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	run(tab, chromedp.Steps(steps...))
}

func run[T any](tab *Tab, action chromedp.Action[T]) T {
	tab.t.Helper()
	ctx, end := context.WithTimeout(tab.Context, patience)
	defer end()
	got, err := chromedp.Run(ctx, action)
	if err != nil {
		tab.fail(err)
	}
	return got
}

// Call sends the browser a command of the DevTools protocol.
func Call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	return run(tab, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// fail ends the test with what the visitor sees.
func (tab *Tab) fail(err error) {
	tab.t.Helper()
	ctx, end := context.WithTimeout(tab.Context, 5*time.Second)
	defer end()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	tab.t.Fatalf("in the browser: %v\nit is at %s, complains of %q, had %v and shows\n%.800s", err, where, tab.Complaints(), tab.Answers(), text)
}

// Go goes to a page and does not wait for what comes.
func (tab *Tab) Go(url string) {
	tab.t.Helper()
	if why := Call(tab, page.Navigate, page.NavigateParams{URL: url}).ErrorText; why != "" && why != "net::ERR_ABORTED" {
		tab.fail(fmt.Errorf("going to %s: %s", url, why))
	}
}

// Await waits until a JavaScript expression is true in whatever document the
// tab shows by then.
func (tab *Tab) Await(expression string) {
	tab.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(15 * time.Millisecond) {
		ctx, end := context.WithTimeout(tab.Context, 5*time.Second)
		so, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		end()
		switch {
		case so:
			return
		case tab.Err() != nil, time.Now().After(deadline):
			tab.fail(fmt.Errorf("waiting for %s: %v", expression, err))
		}
	}
}

// See waits until the visitor sees what a CSS selector finds first.
func (tab *Tab) See(css string) {
	tab.t.Helper()
	tab.Await(fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, css))
}

// Text returns the text of what a CSS selector finds first, as soon as the
// visitor sees it.
func (tab *Tab) Text(css string) string {
	tab.t.Helper()
	tab.See(css)
	return Eval[string](tab, fmt.Sprintf(`document.querySelector(%q).innerText`, css))
}

// Eval returns what an expression, or its promise, comes to.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	return run(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Before runs a script in each document of the tab before the document's own.
func (tab *Tab) Before(script string) {
	tab.t.Helper()
	Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// Cookie returns one cookie that the visitor has for a URL, or nil.
func (tab *Tab) Cookie(url, name string) *network.Cookie {
	tab.t.Helper()
	for _, c := range Call(tab, network.GetCookies, network.GetCookiesParams{URLs: []string{url}}).Cookies {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Drop has the visitor lose one cookie.
func (tab *Tab) Drop(url, name string) {
	tab.t.Helper()
	Call(tab, network.DeleteCookies, network.DeleteCookiesParams{Name: name, URL: url})
}

// Screenshot keeps what the visitor sees as a PNG: with `go test -artifacts`,
// or for as long as the test runs.
func (tab *Tab) Screenshot(name string) (file string) {
	tab.t.Helper()
	png := run(tab, chromedp.CaptureScreenshot())
	file = filepath.Join(tab.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		tab.t.Fatalf("keeping a screenshot: %v", err)
	}
	return file
}
