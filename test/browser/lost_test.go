package browser

import (
	"net/http"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestWalkWithoutRedis: Redis dies while customers walk. One with a pass goes on
// with it, one without gets one, and an order that is under way arrives.
func TestWalkWithoutRedis(t *testing.T) {
	t.Parallel()
	redis := need.Redis(t)
	s := openMall(t, plan{scheme: "https", settings: "redis redis://" + redis.Addr})
	kit.Eventually(t, 10*time.Second, "the edge counts in Redis", func() bool { return kit.StatusOf(t, s.edge).Store.Shared })
	s.level(shop.Heavy)
	b := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})

	old := visitMall(t, b, s)
	old.open("/product/magentee", "article.product")
	old.Click("article.product form button")
	old.arrive("/cart", "table.lines")
	old.open("/checkout", "#reference")
	old.write()
	redis.Kill()
	old.Click("form.split button.full")
	old.arrive("/checkout/done", ".facts")
	if got, want := old.way("/checkout", 0), "GET 200, POST 303"; got != want {
		t.Errorf("the order of a customer with a pass took %s, want %s", got, want)
	}
	kit.Eventually(t, 10*time.Second, "the edge knows that Redis is gone", func() bool { return !kit.StatusOf(t, s.edge).Store.Shared })
	if got := kit.LevelOf(t, s.edge, "loewen"); got != shop.Heavy {
		t.Fatalf("without Redis the level is %s, want it as it was", got)
	}

	late := visitMall(t, b, s)
	late.open("/", ".hero")
	for _, w := range []*walker{old, late} {
		for _, path := range []string{"/search?q=Tee", "/product/magentee", "/prescription", "/account/login"} {
			w.open(path, "h1")
			time.Sleep(300 * time.Millisecond) // they share an address, and its limit
		}
	}
	late.losePass()
	late.open("/cart", "h1")
	for name, c := range map[string]struct {
		w          *walker
		challenged int
	}{"one with a pass": {old, 1}, "one that came later": {late, 2}} {
		if got := challenges(t, c.w.Answers(), "loewen"); got != c.challenged {
			t.Errorf("%s was challenged %d times, want %d: %v", name, got, c.challenged, c.w.Answers())
		}
		for _, a := range c.w.Answers() {
			if a.Status >= 400 && !(a.Kind == "Document" && a.Status == http.StatusServiceUnavailable) {
				t.Errorf("%s got %s", name, a)
			}
		}
	}
	late.counts(map[string]int{"page": 3, "passed": 3, "returned": 3})
	if got := old.here().OrdersFor(old.reference()); len(got) != 1 {
		t.Errorf("%d orders arrived, want one", len(got))
	}
	redis.Restart()
	kit.Eventually(t, 20*time.Second, "the edge counts in Redis again", func() bool { return kit.StatusOf(t, s.edge).Store.Shared })
	time.Sleep(300 * time.Millisecond) // until the edge has settled what was spent without Redis
	late.open("/account/login", "h1")  // a pass from the time without is good with it, too
	late.counts(map[string]int{"page": 3, "passed": 3, "returned": 3})
}
