package browser

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// TestWalkWithScriptsBlocked: scripts are on, and an add-on forbids ours by a policy of its
// own. The customer waits, as without scripts.
func TestWalkWithScriptsBlocked(t *testing.T) {
	s := openMall(t, plan{instead: checkout(), rest: "header {\n\t+Content-Security-Policy \"script-src 'none'\"\n\tdefer\n}\n"})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	w.Go(s.at("loewen", "/"))
	w.See("a.go")
	w.says("JavaScript is switched off or blocked")
	t.Log(w.Screenshot("challenge-blocked"))
	w.Await(`document.getElementById("home")`)
	w.got("GET / 503", "GET /.theriac/wait 303", "GET /.theriac/wait 303", "GET / 200")
	w.counts(map[string]int{"page": 1, "waited": 1, "returned": 1})
}

// TestWalkWithoutCompiler: a browser that interprets scripts, as the lockdown modes do, waits
// no longer than one without scripts, and its form arrives.
func TestWalkWithoutCompiler(t *testing.T) {
	s := openMall(t, plan{instead: payment()})
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names, "js-flags=--jitless"}}), s)
	w.Go(s.at("loewen", "/pay"))
	w.Await(`document.querySelector("form")`)
	s.level(shop.Heavy)
	began := time.Now()
	chrome.Eval[any](w.Tab, `void document.querySelector("form").removeAttribute("target")`)
	chrome.Eval[any](w.Tab, `void document.querySelector("form").submit()`)
	w.Await(`document.getElementById("done")`)
	if took := time.Since(began); took > 26*time.Second {
		t.Errorf("the customer waits %s, want the 20 s of visitors without JavaScript", took)
	}
	if got := w.here().to("/upload"); len(got) != 1 {
		t.Errorf("the shop got %q, want one form", got)
	}
	if got := outcomes(t, s.edge, "loewen"); got["waited"] != 1 || got["passed"] != 0 {
		t.Errorf("the edge counts %v, want that the browser waits", got)
	}
}
