package browser

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/test/need"
)

// noCookies is the profile of a visitor who forbids cookies.
const noCookies = `{"profile":{"default_content_setting_values":{"cookies":2}}}`

// chromium starts a browser with a profile of its own, and ends it with the
// test.
func chromium(t *testing.T, preferences string) context.Context {
	t.Helper()
	path := need.Chromium(t)
	profile, err := os.MkdirTemp("", "theriac-chromium")
	if err != nil {
		t.Fatalf("making a profile: %v", err)
	}
	// Not t.TempDir: what the browser leaves behind may take a moment to end.
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("the browser still writes into %s", profile)
	})
	if preferences != "" {
		dir := filepath.Join(profile, "Default")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatalf("making a profile: %v", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "Preferences"), []byte(preferences), 0o600); err != nil {
			t.Fatalf("making a profile: %v", err)
		}
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(profile)}
	for flag := range strings.FieldsSeq(`headless no-sandbox disable-gpu disable-quic no-first-run
		disable-background-networking disable-component-update disable-sync`) {
		options = append(options, chromedp.Flag(flag, true))
	}
	all, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	ctx, _ := chromedp.NewContext(all)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && err != context.Canceled {
			t.Errorf("ending Chromium: %v", err)
		}
	})
	return ctx
}

// A tab is one visitor: it shares no cookies with another. It keeps what the
// browser complains of.
type tab struct {
	context.Context
	mu         sync.Mutex
	complaints []string
}

// visit opens a tab.
func visit(t *testing.T, browser context.Context) *tab {
	t.Helper()
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	return watch(t, ctx)
}

// watch makes a tab of a browser's page.
func watch(t *testing.T, ctx context.Context) *tab {
	t.Helper()
	v := &tab{}
	if err := chromedp.Listen(ctx, v.hear); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	ctx, end := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(end)
	v.Context = ctx
	call(t, v, log.Enable, cdp.Empty{})
	call(t, v, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener("securitypolicyviolation", (e) => console.error("violates " + e.violatedDirective + ": " + e.blockedURI))`,
	})
	return v
}

// hear keeps errors of the page's scripts and policy. That an answer has an
// error's status is in the nature of a challenge.
func (v *tab) hear(event any) {
	var complaint string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			complaint = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			complaint = e.Args[0].Value.String()
		}
	}
	if complaint != "" {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.complaints = append(v.complaints, strings.Trim(complaint, `"`))
	}
}

// heard returns what the browser complained of.
func (v *tab) heard() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.complaints)
}

// get runs an action, which must succeed.
func get[T any](t *testing.T, v *tab, action chromedp.Action[T]) T {
	t.Helper()
	got, err := chromedp.Run(v, action)
	if err != nil {
		t.Fatalf("in the browser: %v; it complains of %q", err, v.heard())
	}
	return got
}

// do runs actions in a row.
func (v *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	get(t, v, chromedp.Steps(actions...))
}

// call sends the browser a command.
func call[P, R any](t *testing.T, v *tab, command cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(v, command, params); err != nil {
		t.Fatalf("%s: %v", command.Method, err)
	}
}

// open goes to a page and does not wait for what it loads.
func open(t *testing.T, v *tab, url string) {
	t.Helper()
	call(t, v, page.Navigate, page.NavigateParams{URL: url})
}

// eval returns what an expression, or its promise, comes to.
func eval[T any](t *testing.T, v *tab, expression string) T {
	t.Helper()
	return get(t, v, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}
