// Package chrome drives real browsers for tests: Chromium without a window,
// each with a profile of its own, gone with the test. Whatever a browser cannot
// do fails the test, with what its page shows and what it complains of.
package chrome

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/test/need"
)

// Browser is one running Chromium.
type Browser struct {
	ctx     context.Context
	options Options
}

// Options say how a browser differs from how it comes.
type Options struct {
	// More of the command line, such as "ignore-certificate-errors" or
	// "host-resolver-rules=MAP * 127.0.0.1".
	Flags []string

	// Its user forbids cookies. Then all visitors are that user: only the
	// profile itself has the setting.
	NoCookies bool
}

// flags keep the browser to what the test asks of it: no window, no network
// but loopback, and nothing done behind its back.
const flags = `headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
	disable-component-update disable-sync`

// noCookies are the settings of a user that forbids cookies.
const noCookies = `{"profile":{"default_content_setting_values":{"cookies":2}}}`

// Start starts a browser.
func Start(t testing.TB, o Options) *Browser {
	t.Helper()
	path := need.Chromium(t)
	settings := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.UserDataDir(profile(t, o))}
	for _, flag := range append(strings.Fields(flags), o.Flags...) {
		if name, value, ok := strings.Cut(flag, "="); ok {
			settings = append(settings, chromedp.Flag(name, value))
		} else {
			settings = append(settings, chromedp.Flag(name, true))
		}
	}
	all, end := chromedp.NewExecAllocator(t.Context(), settings...)
	t.Cleanup(end)
	ctx, _ := chromedp.NewContext(all)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ending Chromium: %v", err)
		}
	})
	return &Browser{ctx, o}
}

// profile makes the folder of a user. It is no t.TempDir: the last of a
// browser's processes may write for a moment longer.
func profile(t testing.TB, o Options) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "theriac-chromium-*")
	if err != nil {
		t.Fatalf("making a profile: %v", err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("Chromium still writes into %s", dir)
	})
	if !o.NoCookies {
		return dir
	}
	if err := os.MkdirAll(filepath.Join(dir, "Default"), 0o755); err != nil {
		t.Fatalf("making a profile: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Default", "Preferences"), []byte(noCookies), 0o600); err != nil {
		t.Fatalf("making a profile: %v", err)
	}
	return dir
}

// Visit opens a tab for a new visitor, which shares no cookies with others.
func (b *Browser) Visit(t testing.TB) *Tab {
	t.Helper()
	if b.options.NoCookies {
		return open(t, b.ctx)
	}
	return open(t, b.ctx, chromedp.WithNewBrowserContext())
}
