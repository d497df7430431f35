package browser

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/test/chrome"
)

// Chromium solves, and the request that was challenged arrives.
func TestVisitorGoesOn(t *testing.T) {
	browser := chrome.Start(t, chrome.Options{})
	policy := NewPage(loewen, 0).Policy()
	for name, step := range map[string]struct {
		change func(*edge)
		before string // what another script has done to the browser
		path   string
		want   string         // that the shop says it got
		counts map[string]int // at the edge
		says   []string       // complaints of the browser
	}{
		"by workers": {want: "GET /cart"},
		"with workers that the policy forbids": {
			change: func(e *edge) { e.policy = strings.Replace(policy, "worker-src blob:", "worker-src 'none'", 1) },
			want:   "GET /cart", says: []string{"violates worker-src: blob", "Creating a worker from"},
		},
		"with workers that cannot be made":    {before: `delete window.Worker`, want: "GET /cart"},
		"with workers that never say a thing": {before: `window.Worker = class {terminate() {} postMessage() {}}`, want: "GET /cart"},
		"with workers that end": {
			before: `window.Worker = class extends Worker {set onmessage(f) {setTimeout(() => {this.terminate(); this.onerror()}, 50); super.onmessage = f}}`,
			change: func(e *edge) { e.threshold = 1 << 16 },
			want:   "GET /cart",
		},
		"with an expired token": {
			change: func(e *edge) { e.expired = 2 },
			want:   "GET /cart", counts: map[string]int{"409": 2, "renewed": 2},
		},
		"from a subnet over its limit": {
			change: func(e *edge) { e.capped = 1 },
			want:   "GET /cart", counts: map[string]int{"429": 1},
		},
		"from a subnet over its limit, with an expired token": {
			change: func(e *edge) { e.expired, e.capTokens = 1, 1 },
			want:   "GET /cart", counts: map[string]int{"409": 1, "429": 1, "renewed": 1},
		},
		"to the home page": {path: ChallengePath, want: "GET /"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, step.change)
			v := browser.Visit(t)
			if step.before != "" {
				v.Before(step.before)
			}
			v.Go(e.URL + cmp.Or(step.path, "/cart"))
			if got := strings.TrimSpace(v.Text("#arrived")); got != step.want {
				t.Errorf("the shop got %q, want %q", got, step.want)
			}
			counts := map[string]int{"pages": 1, "204": 1, "409": 0, "429": 0, "renewed": 0, "arrived": 1}
			maps.Copy(counts, step.counts)
			for what, want := range counts {
				if got := e.counted(what); got != want {
					t.Errorf("%s: %d times, want %d", what, got, want)
				}
			}
			e.mu.Lock()
			if slices.Min(e.millis) <= 0 || slices.Max(e.millis) > 60_000 {
				t.Errorf("solving took %d ms, as the page has it", e.millis)
			}
			e.mu.Unlock()
			for _, complaint := range v.Complaints() {
				if !slices.ContainsFunc(step.says, func(known string) bool { return strings.HasPrefix(complaint, known) }) {
					t.Errorf("the browser complains: %s", complaint)
				}
			}
			if len(step.says) > 0 && len(v.Complaints()) == 0 {
				t.Error("the browser does not complain: was the policy in force?")
			}
		})
	}
}

// A visitor who leaves and comes back begins again, whether the browser kept
// the page or not.
func TestVisitorComesBack(t *testing.T) {
	e := newEdge(t, func(e *edge) { e.threshold = 1 })
	v := chrome.Start(t, chrome.Options{}).Visit(t)
	v.Go(e.URL + "/cart")
	v.See("#bar")
	v.Do(chromedp.Navigate(e.URL + "/open"))
	e.mu.Lock()
	e.threshold = 1 << 20
	e.mu.Unlock()
	chrome.Eval[chromedp.Void](v, `void setTimeout(() => history.back())`) // the answer comes before the page is gone
	if got := v.Text("#arrived"); !strings.Contains(got, "GET /cart") {
		t.Errorf("the shop got %q, want GET /cart", got)
	}
	if began := e.counted("pages") + e.counted("renewed"); began != 2 {
		t.Errorf("the visitor was given %d challenges, want two", began)
	}
}

// What a visitor had sent is sent again, byte for byte.
func TestFormArrivesOnce(t *testing.T) {
	e := newEdge(t, nil)
	v := chrome.Start(t, chrome.Options{}).Visit(t)
	v.Go(e.URL + "/open")
	v.Click("button")
	got := v.Text("#arrived")
	for _, want := range []string{"POST /order ------", `name="n"`, "5 ö"} {
		if !strings.Contains(got, want) {
			t.Errorf("the shop got %q, without %q", got, want)
		}
	}
	if got := e.counted("arrived"); got != 1 {
		t.Errorf("the form arrived %d times, want once", got)
	}
}

func TestVisitorWithoutCookies(t *testing.T) {
	e := newEdge(t, nil)
	v := chrome.Start(t, chrome.Options{NoCookies: true}).Visit(t)
	v.Go(e.URL + "/cart")
	v.See("#cookies h1")
	time.Sleep(time.Second) // in which a loop would go round
	if got := chrome.Eval[string](v, `document.activeElement.textContent`); got != german.Cookies {
		t.Errorf("the visitor is at %q, want %q", got, german.Cookies)
	}
	if got := chrome.Eval[bool](v, `document.getElementById("work").checkVisibility()`); got {
		t.Error("the page still says that it works")
	}
	for what, want := range map[string]int{"pages": 1, "204": 1, "renewed": 0, "arrived": 0} {
		if got := e.counted(what); got != want {
			t.Errorf("%s: %d times, want %d", what, got, want)
		}
	}
}

// Where the script does not run, or gets nowhere, the page waits instead and goes on.
func TestVisitorWithoutScripts(t *testing.T) {
	browser := chrome.Start(t, chrome.Options{})
	policy := NewPage(loewen, 0).Policy()
	for name, step := range map[string]struct {
		change func(*edge)
		before string // what another script has done to the browser
		off    bool   // the visitor has switched off scripts
	}{
		"switched off":      {off: true},
		"blocked":           {change: func(e *edge) { e.policy = policy + ", script-src 'none'" }},
		"in an old browser": {change: func(e *edge) { e.noScript = true }},
		"without requests":  {before: `window.fetch = () => Promise.reject(0)`},
		"that break":        {before: `delete window.atob`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, func(e *edge) {
				e.delay = 1
				if step.change != nil {
					step.change(e)
				}
			})
			v := browser.Visit(t)
			if step.before != "" {
				v.Before(step.before)
			}
			chrome.Call(v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: step.off})
			v.Go(e.URL + "/cart")
			got := v.Text("#arrived")
			if !strings.Contains(got, "GET /cart") || e.counted("waited") != 1 || e.counted("judged") != 0 || e.counted("pages") != 1 {
				t.Errorf("the shop got %q, after %v, want one wait", got, e.counts)
			}
		})
	}
}

// The control: what stands there for browsers without scripts neither shows nor happens
// while the script works.
func TestScriptIsNotDisturbed(t *testing.T) {
	e := newEdge(t, func(e *edge) { e.delay, e.threshold = 60, 1 })
	v := chrome.Start(t, chrome.Options{}).Visit(t)
	v.Go(e.URL + "/cart")
	v.See("#bar")
	if got := chrome.Eval[string](v, `document.body.innerText`); strings.Contains(got, german.Later) || strings.Contains(got, german.LaterLink) {
		t.Errorf("the page says %q", got)
	}
	if got := chrome.Eval[int](v, `document.querySelectorAll("meta[http-equiv]").length`); got != 0 {
		t.Error("the page goes on while it works")
	}
}

// A browser that computes too slowly waits, and a form arrives all the same.
func TestSlowVisitorWaits(t *testing.T) {
	e := newEdge(t, func(e *edge) { e.delay, e.threshold = 4, 1 })
	v := chrome.Start(t, chrome.Options{}).Visit(t)
	v.Go(e.URL + "/open")
	v.Click("button")
	v.Await(`document.getElementById("say")?.textContent.startsWith("Ihr Browser rechnet langsam")`)
	got := v.Text("#arrived")
	if !strings.Contains(got, "POST /order ------") || e.counted("arrived") != 1 || e.counted("waited") != 1 || e.counted("judged") != 0 {
		t.Errorf("the shop got %q, after %v, want the form after one wait", got, e.counts)
	}
}

// Where nothing helps, the page says so, offers a button, and leaves it at that.
// A screen reader hears three texts at most.
func TestVisitorWhoCannot(t *testing.T) {
	browser := chrome.Start(t, chrome.Options{})
	for name, step := range map[string]struct {
		change func(*edge)
		judged int
	}{
		"a broken edge":         {func(e *edge) { e.broken = true }, 1},
		"tokens of the past":    {func(e *edge) { e.expired = 1000 }, 4},
		"a network never quiet": {func(e *edge) { e.capped = 1000 }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, step.change)
			v := browser.Visit(t)
			v.Go(e.URL + "/cart")
			v.Await(`document.querySelector("#on")`)
			chrome.Eval[chromedp.Void](v, `window.announced = []; new MutationObserver(() => say.ariaLive === "polite" && announced.push(say.textContent)).observe(say, {childList: true})`)
			v.See("#on")
			announced := chrome.Eval[[]string](v, `announced`)
			if n := len(announced); n < 1 || n > 3 || announced[n-1] != german.Failed {
				t.Errorf("the page announces %q, want three texts at most and %q at the end", announced, german.Failed)
			}
			if got := e.counted("judged"); got != step.judged {
				t.Errorf("the page tried %d times, want %d", got, step.judged)
			}
			v.Click("#on")
			for deadline := time.Now().Add(time.Minute); e.counted("pages") < 2; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the button does not load the page again")
				}
			}
		})
	}
}
