package browser

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// A catalogue is a shop whose pages are full of pictures, all different, none of which may
// be stored, and whose scripts ask for more. The page at the 90th percentile of the web
// makes 179 requests (Web Almanac 2024).
type catalogue struct {
	picture string // the path of a page's picture, for Sprintf
	each    int    // so many on a page
	calls   int    // so many requests of a page's scripts, half by fetch and half by XMLHttpRequest

	pictures atomic.Int64 // that the shop has served
}

// dot is a picture: a GIF of one black pixel.
const dot = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

func (c *catalogue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	var page int
	switch _, err := fmt.Sscanf(r.URL.Path, "/page/%d", &page); {
	case err == nil:
		header.Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>shop</title><link rel=icon href="data:,"><p id=home>page %d<script>%s;
			const got = Promise.all([...Array(%d).keys()].map(ask))</script><p>`, page, ask, c.calls)
		for i := range c.each {
			fmt.Fprintf(w, `<img alt="" src="`+c.picture+`">`, page, i)
		}
	case strings.HasPrefix(r.URL.Path, "/widgets/"):
		header.Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"items":0}`)
	default:
		c.pictures.Add(1)
		header.Set("Content-Type", "image/gif")
		fmt.Fprint(w, dot)
	}
}

// ask is how a page's script asks for the ith time.
const ask = `const ask = (i) => i % 2 ? fetch("/widgets/cart?" + i).then((r) => r.status, () => 0)
	: new Promise((done) => {
		const x = new XMLHttpRequest();
		x.onloadend = () => done(x.status);
		x.open("GET", "/widgets/cart?" + i);
		x.send();
	})`

// turnTo has the customer look at a page of the catalogue until all of it is there.
func (w *walker) turnTo(page int) (broken int) {
	w.t.Helper()
	path := fmt.Sprintf("/page/%d", page)
	w.Go(w.mall.at(w.shop, path))
	w.Await(fmt.Sprintf(`location.pathname === %q && document.getElementById("home") && document.readyState === "complete"`, path))
	return chrome.Eval[int](w.Tab, `[...document.images].filter((i) => !i.naturalWidth).length`)
}

// allOK demands that the shop has answered everything.
func (w *walker) allOK() {
	w.t.Helper()
	if got := slices.DeleteFunc(w.Answers(), func(a chrome.Answer) bool { return a.Status == http.StatusOK }); len(got) > 0 {
		w.t.Errorf("%d answers are not 200, such as %s", len(got), got[0])
	}
}

// paths of pictures: with an ending, as software serves them that renders sizes, and with a
// directory for each, as PrestaShop has them.
var paths = map[string]string{"with endings": "/media/%d-%d.jpg", "without endings": "/thumbnail/%d-%d", "in directories": "/%d%03d-home_default/tee.jpg"}

// TestPagesOfPictures: a customer that leafs through a catalogue sees all of its pictures, at
// an edge that has never seen one of this shop.
func TestPagesOfPictures(t *testing.T) {
	browsers := map[string]*chrome.Browser{
		"h2":       chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}}),
		"http/1.1": chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors", "disable-http2"}}),
	}
	both := []shop.Level{shop.Calm, shop.Raised}
	raised := both[1:]
	for _, c := range []struct {
		each     int
		kind     string
		protocol string
		levels   []shop.Level
	}{
		{120, "with endings", "h2", both},
		{300, "with endings", "h2", both},
		{300, "without endings", "h2", raised},
		{300, "in directories", "h2", raised},
		{300, "with endings", "http/1.1", raised},
	} {
		for _, level := range c.levels {
			t.Run(fmt.Sprintf("%d %s, level %d, %s", c.each, c.kind, level, c.protocol), func(t *testing.T) {
				served := &catalogue{picture: paths[c.kind], each: c.each}
				w := visitMall(t, browsers[c.protocol], openMall(t, plan{scheme: "https", instead: served}))
				w.mall.level(level)
				for page := range 5 {
					if broken := w.turnTo(page); broken > 0 {
						t.Errorf("%d of %d pictures of page %d are broken", broken, c.each, page)
					}
				}
				if got := chrome.Eval[string](w.Tab, `performance.getEntriesByType("navigation")[0].nextHopProtocol`); got != c.protocol {
					t.Errorf("the browser speaks %s, want %s", got, c.protocol)
				}
				if got := served.pictures.Load(); got != int64(5*c.each) {
					t.Errorf("the shop served %d pictures, want %d", got, 5*c.each)
				}
				w.allOK()
			})
		}
	}
}

// TestPagesWithCalls: at level 1 neither a page's pictures nor the calls of its scripts make
// its reader suspicious.
func TestPagesWithCalls(t *testing.T) {
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	for _, each := range []int{50, 100, 200, 300} {
		t.Run(fmt.Sprint(each), func(t *testing.T) {
			w := visitMall(t, b, openMall(t, plan{scheme: "https", instead: &catalogue{picture: paths["with endings"], each: each, calls: 40}}))
			w.mall.level(shop.Raised)
			for page := range 2 {
				if broken := w.turnTo(page); broken > 0 {
					t.Errorf("%d of %d pictures of page %d are broken", broken, each, page)
				}
				if got := chrome.Eval[[]int](w.Tab, "got"); len(got) != 40 || slices.ContainsFunc(got, func(status int) bool { return status != http.StatusOK }) {
					t.Errorf("the scripts of page %d got %v, want 40 times 200", page, got)
				}
			}
			w.allOK()
			w.counts(map[string]int{"stamped": 1})
		})
	}
}

// asBefore has pictures count in the client's limit, whose burst was 60.
const asBefore = `limit client_assets off
limit client {
	burst 60
	class page search cart checkout account callback api socket public asset
}
`

// TestPagesControl: with the limits as they were pictures break, and at level 1 calls.
func TestPagesControl(t *testing.T) {
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	visit := func(c *catalogue, level shop.Level) *walker {
		w := visitMall(t, b, openMall(t, plan{scheme: "https", instead: c, words: asBefore}))
		w.mall.level(level)
		return w
	}
	if broken := visit(&catalogue{picture: paths["with endings"], each: 120}, shop.Calm).turnTo(0); broken < 10 {
		t.Errorf("%d of 120 pictures are broken, want more", broken)
	}
	w := visit(&catalogue{picture: paths["with endings"], each: 50, calls: 40}, shop.Raised)
	w.turnTo(0)
	got := chrome.Eval[[]int](w.Tab, "got")
	if n := len(slices.DeleteFunc(got, func(status int) bool { return status != http.StatusTooManyRequests })); n == 0 {
		t.Errorf("%d of 40 calls were refused, want more", n)
	}
}
