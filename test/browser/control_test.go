package browser

import (
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// What the walks prove could be so without any challenge, or with one that
// takes everything. These show that it is not.

// TestWalkControl: without a challenge nobody is challenged at the highest
// level, so it is the stage that stands in the way, and not the level.
func TestWalkControl(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{words: "challenge off\n"})
	s.level(shop.Siege)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	w.open("/", ".hero")
	w.got("GET / 200")
	w.counts(map[string]int{})
}

// spoil has a browser hand in answers whose first nonce is wrong.
const spoil = `{
	const send = fetch;
	window.fetch = (to, o) => send(to, o && o.method === "POST" ? { ...o, body: o.body.replace(/\..{6}/, ".AAAAAA") } : o);
}`

// TestSpoiledWorkIsWorthNothing: one wrong answer of 32 gives no pass, and no
// way to the shop by another door.
func TestSpoiledWorkIsWorthNothing(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	w.Before(spoil)
	w.Go(s.at("loewen", "/"))
	w.See("#on")
	w.counts(map[string]int{"page": 1, "wrong": 4})
	if c := w.Cookie(s.at("loewen", "/"), s.pass()); c != nil {
		t.Errorf("there is a pass: %v", c)
	}
	w.Click("#on") // the page offers to try again, and that is all
	w.Await(`document.getElementById("on")?.hidden`)
	w.reaches(0)
}

// TestCardReaderWithoutPass: no socket without a pass.
func TestCardReaderWithoutPass(t *testing.T) {
	t.Parallel()
	s := openMall(t, plan{})
	s.level(shop.Attack)
	w := visitMall(t, chrome.Start(t, chrome.Options{Flags: []string{names}}), s)
	w.open("/prescription", "#card-try")
	w.losePass()
	w.Click("#card-try")
	w.Await(`document.querySelectorAll("#card-log li").length`)
	if got := chrome.Eval[string](w.Tab, `document.getElementById("card-log").innerText`); strings.Contains(got, "✓") {
		t.Errorf("the card reader says %q, want that it does not work", got)
	}
	if got := w.here().Truth().Sockets.Sessions; got != 0 {
		t.Errorf("the shop has %d sessions, want none", got)
	}
}
