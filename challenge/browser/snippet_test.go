package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/test/chrome"
)

func TestSnippetIsSmall(t *testing.T) {
	const most = 1 << 10
	if got := len(Snippet); got > most {
		t.Errorf("the snippet has %d bytes, more than %d", got, most)
	}
	if !strings.Contains(string(Snippet), `"`+ChallengeHeader+`"`) {
		t.Errorf("the snippet does not look for %s", ChallengeHeader)
	}
}

// What a shop's script sends while it is challenged arrives, whole and once.
func TestSnippetSendsAgain(t *testing.T) {
	browser := chrome.Start(t, chrome.Options{})
	const ask = `fetch("/api", {method: "POST", body: "ü".repeat(3)}).then((r) => r.text())`
	for name, step := range map[string]struct {
		script, want   string
		asked, arrived int
	}{
		"text":                 {ask, "POST /api üüü", 1, 1},
		"a GET":                {`fetch(new URL("/api?q=1", location)).then((r) => r.text())`, "GET /api ", 1, 1},
		"a form":               {`(() => {const f = new FormData(); f.set("n", "5"); return fetch("/api", {method: "POST", body: f}).then((r) => r.text())})()`, "\r\n\r\n5\r\n------", 1, 1},
		"a Request":            {`fetch(new Request("/api", {method: "PUT", body: "whole"})).then((r) => r.text())`, "PUT /api whole", 1, 1},
		"a Request and more":   {`fetch(new Request("/api", {method: "PUT", body: "not this"}), {body: "this"}).then((r) => r.text())`, "PUT /api this", 1, 1},
		"many at once":         {`Promise.all([1, 2, 3, 4].map(() => ` + ask + `)).then((all) => all.join())`, "POST /api üüü", 4, 4},
		"one after the other":  {ask + `.then(() => ` + ask + `)`, "POST /api üüü", 1, 2},
		"an abort":             {`(() => {const a = new AbortController(); setTimeout(() => a.abort(), 300); return fetch("/api", {signal: a.signal}).catch((e) => e.name)})()`, "AbortError", 1, 0},
		"an abort of Request":  {`(() => {const a = new AbortController(); setTimeout(() => a.abort(), 300); return fetch(new Request("/api", {signal: a.signal})).catch((e) => e.name)})()`, "AbortError", 1, 0},
		"a Request used twice": {`(async () => {const r = new Request("/open", {method: "POST", body: "x"}); await fetch(r); return fetch(r).catch((e) => e.name)})()`, "TypeError", 0, 0},
		"nothing to send":      {`fetch().catch((e) => e.name)`, "TypeError", 0, 0},
		"what is never solved": {`(async () => {
			const asked = fetch("/api");
			const frame = () => document.querySelector("iframe");
			while (!frame()?.contentDocument?.getElementById("bar")) await new Promise((go) => setTimeout(go, 20));
			frame().src = "data:,";
			return String((await asked).status);
		})()`, "429", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, func(e *edge) {
				if step.arrived == 0 {
					e.threshold = 1 // hard enough to be in the middle of it
				}
			})
			v := browser.Visit(t)
			v.Do(chromedp.Navigate(e.URL + "/open"))
			got := chrome.Eval[string](v, `Promise.resolve(`+step.script+`).then((text) => {const p = new DOMParser().parseFromString(text, "text/html").querySelector("pre"); return text.includes("------") || !p ? text : p.textContent})`)
			if !strings.Contains(got, step.want) {
				t.Errorf("the script got %q, want %q", got, step.want)
			}
			if asked, arrived := e.counted("asked"), e.counted("arrived"); asked != step.asked || arrived != step.arrived {
				t.Errorf("%d requests were challenged, %d arrived, want %d and %d", asked, arrived, step.asked, step.arrived)
			}
			if pages := e.counted("pages"); pages != min(step.asked, 1) {
				t.Errorf("%d pages were solved for %d requests, want one at most", pages, step.asked)
			}
			if step.arrived > 0 && chrome.Eval[bool](v, `!!document.querySelector("iframe")`) {
				t.Error("the frame stays behind")
			}
			if got := v.Complaints(); len(got) > 0 {
				t.Errorf("the browser complains: %q", got)
			}
		})
	}
}

// Where the edge cannot be pleased, the shop's script gets its answer.
func TestSnippetGivesUp(t *testing.T) {
	e := newEdge(t, func(e *edge) { e.broken = true })
	v := chrome.Start(t, chrome.Options{}).Visit(t)
	v.Do(chromedp.Navigate(e.URL + "/open"))
	if got := chrome.Eval[int](v, `fetch("/api").then((r) => r.status)`); got != 429 {
		t.Errorf("the script got status %d, want 429", got)
	}
	// A message from elsewhere is not the frame's.
	got := chrome.Eval[int](v, `(() => {const p = fetch("/api").then((r) => r.status); setTimeout(() => postMessage("theriac"), 50); return p})()`)
	if got != 429 || e.counted("asked") != 2 {
		t.Errorf("after a forged message the script got status %d in %d requests, want 429 and no third", got, e.counted("asked"))
	}
}
