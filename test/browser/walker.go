package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// A walker is a customer with a browser, in a mall.
type walker struct {
	*chrome.Tab
	t    testing.TB
	mall *mall
	shop shop.ID
}

// visitMall has somebody new come along.
func visitMall(t testing.TB, b *chrome.Browser, s *mall) *walker {
	t.Helper()
	return &walker{b.Visit(t), t, s, "loewen"}
}

// A shop's page has its brand; a challenge has not.
const atShop = `document.querySelector("header .brand") && document.readyState === "complete"`

// arrive waits until the shop shows a page with this path, and what a CSS
// selector finds there.
func (w *walker) arrive(path, css string) {
	w.t.Helper()
	w.Await(fmt.Sprintf("%s && location.pathname === %q && document.querySelector(%q)", atShop, path, css))
}

func (w *walker) open(path, css string) {
	w.t.Helper()
	w.Go(w.mall.at(w.shop, path))
	path, _, _ = strings.Cut(path, "?")
	w.arrive(path, css)
}

// losePass lets the next request be challenged, whatever it is.
func (w *walker) losePass() {
	w.t.Helper()
	w.Drop(w.mall.at(w.shop, "/"), w.mall.pass())
	if c := w.Cookie(w.mall.at(w.shop, "/"), w.mall.pass()); c != nil {
		w.t.Fatalf("the pass is still there: %v", c)
	}
}

func (w *walker) here() *recorder { return w.mall.shops[w.shop] }
