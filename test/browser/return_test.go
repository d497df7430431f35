package browser

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/kit"
)

const cres = "cres=eyJ0cmFuc1N0YXR1cyI6IlkifQ%3D%3D"

// forge gives the customer another pass than he has.
func (w *walker) forge(kind pow.Kind, level shop.Level, expires time.Duration) {
	w.t.Helper()
	keys, now, yes := kit.Keys(w.t), time.Now(), true
	pass := keys.AppendPass(nil, &pow.Pass{
		Kind: kind, Level: uint8(level), Issued: now.Add(-time.Hour), Expires: now.Add(expires),
		Binding: keys.Binding(string(w.shop), chrome.Eval[string](w.Tab, "navigator.userAgent")),
	}, now)
	w.losePass()
	chrome.Call(w.Tab, network.SetCookie, network.SetCookieParams{
		Name: w.mall.pass(), Value: string(pass), URL: w.mall.at(w.shop, "/"), Path: "/", Secure: &yes, HTTPOnly: &yes,
		SameSite: network.CookieSameSiteNone,
	})
}

// useUp has the customer order until the pass is good for no more, and for half a minute none:
// it is one for waiting.
func (w *walker) useUp() {
	w.t.Helper()
	w.forge(pow.Waited, shop.Attack, time.Hour)
	spend := `(async () => { for (let n = 0; n < 50; n++) if ((await fetch("/checkout/spend")).status === 429) return n; return 50 })()`
	if n := chrome.Eval[int](w.Tab, spend); n < 10 || n >= 50 {
		w.t.Errorf("the pass was good for %d orders, want 20", n)
	}
}

// TestReturnInFrame: a bank's page in a frame of the shop's returns with a form. Whatever has
// become of the customer's pass meanwhile, the shop gets it exactly once, and the pages of the
// shop keep the pass that they have. It is the same if the bank is in a frame of a payment
// service: then browsers keep the cookies of the shop's frame apart.
func TestReturnInFrame(t *testing.T) {
	t.Parallel()
	bank := openBank(t)
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	whole := `header >Set-Cookie "; Partitioned" ""` + "\n"
	for name, c := range map[string]struct {
		frame  string // of the shop's page: bank or service
		pass   func(*walker)
		script string // that runs in each page first
		rest   string // of the shop's configuration
		solved int    // challenges in the frame
		lost   bool   // the control: the shop gets nothing
	}{
		"good":                                {frame: "/", solved: 0},
		"expired":                             {frame: "/", pass: func(w *walker) { w.forge(pow.Work, shop.Attack, -time.Minute) }, solved: 1},
		"used up":                             {frame: "/", pass: (*walker).useUp, solved: 1},
		"the level was raised":                {frame: "/", pass: func(w *walker) { w.forge(pow.Work, shop.Raised, time.Hour) }, solved: 1},
		"expired, in another browser":         {frame: "/", pass: func(w *walker) { w.forge(pow.Work, shop.Attack, -time.Minute) }, script: otherBrowser, solved: 1},
		"good, in a service's frame":          {frame: "/service", solved: 1},
		"expired, in a service's frame":       {frame: "/service", pass: func(w *walker) { w.forge(pow.Work, shop.Attack, -time.Minute) }, solved: 1},
		"the control: a cookie for the whole": {frame: "/service", rest: whole, solved: 1, lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openMall(t, plan{scheme: "https", instead: payment(), rest: c.rest})
			w := visitMall(t, b, s)
			w.Before(c.script)
			s.level(shop.Attack)
			w.Go(s.at("loewen", "/pay"))
			w.Await(`document.readyState === "complete" && document.getElementById("file")`)
			if c.pass != nil {
				c.pass(w)
			}
			before, want := outcomes(t, s.edge, "loewen")["passed"], 1
			to := bank + c.frame + "?to=" + url.QueryEscape(s.at("loewen", "/checkout/return"))
			chrome.Eval[chromedp.Void](w.Tab, fmt.Sprintf(`void (document.getElementById("bank").src = %q)`, to))
			if c.lost {
				want = 0
				kit.Eventually(t, 20*time.Second, "the frame has no cookie", func() bool { return outcomes(t, s.edge, "loewen")["cookieless"] > 0 })
			} else {
				kit.Eventually(t, 20*time.Second, "the shop gets what the frame sent", func() bool { return len(w.here().to("/checkout/return")) > 0 })
			}
			time.Sleep(2 * time.Second) // in which more would come
			if got := w.here().to("/checkout/return"); len(got) != want || want > 0 && got[0].body != cres {
				t.Errorf("the shop got %q, want %d times %q", got, want, cres)
			}
			if got := outcomes(t, s.edge, "loewen")["passed"] - before; got != c.solved {
				t.Errorf("the frame solved %d challenges, want %d", got, c.solved)
			}
			if c.pass == nil {
				seen := len(pagesOf(w.Answers()))
				w.Go(s.at("loewen", "/done"))
				w.Await(`document.getElementById("done")`)
				if got := w.way("/done", seen); got != "GET 200" {
					t.Errorf("afterwards the way to the shop is %s, want GET 200", got)
				}
			}
		})
	}
}
