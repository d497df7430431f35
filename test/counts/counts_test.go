package counts

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/watch"
)

// roomy has no limit that these tests reach.
const roomy = "limit client {\n rate 10000/s\n burst 10000\n}\nlimit subnet {\n rate 10000/s\n burst 10000\n}\n" +
	"limit pages {\n rate 10000/s\n burst 10000\n}\n"

// chain is a shop behind all stages.
func chain(b *backend, more string) string {
	return "shield loewen {\n" + more + "\n}\nshop_backend " + b.addr
}

// page is a request of a browser without cookies.
var page = []string{"User-Agent: " + kit.UserAgent, "Accept: text/html", "Sec-Fetch-Mode: navigate"}

// picture is a request for an element of a page.
var picture = []string{"User-Agent: " + kit.UserAgent, "Accept: image/*", "Sec-Fetch-Mode: no-cors"}

func with(header []string, more ...string) []string {
	return append(header[:len(header):len(header)], more...)
}

// TestEachRequestIsCounted: by what it is, what it has, and how it ended.
func TestEachRequestIsCounted(t *testing.T) {
	need.Loopback(t)
	b := newBackend(t)
	h := open(t, chain(b, roomy+"partner erp {\n header X-Erp "+kit.PartnerSecret+"\n}"))
	from := edge.From("127.70.0.1")
	stamp := "Cookie: theriac-seen=" + kit.Stamp(t, "loewen", "127.70.0.1", kit.UserAgent, time.Hour)
	fresh := "Cookie: theriac-seen=" + kit.Stamp(t, "loewen", "127.70.9.1", kit.UserAgent, time.Second)
	other := "Cookie: theriac-seen=" + kit.Stamp(t, "sonnen", "127.70.0.1", kit.UserAgent, time.Hour)
	junk := "Cookie: theriac-seen=AAAA; theriac=BBBB; session=theriac"
	for _, c := range []struct {
		what, method, path string
		header             []string
		want               watch.Counts
	}{
		{"a stranger's page", "GET", "/", page, watch.Counts{Arrived: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1}},
		{"another browser's or shop's stamp", "GET", "/", with(page, other), watch.Counts{Arrived: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1}},
		{"junk for a stamp", "GET", "/", with(page, junk), watch.Counts{Arrived: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1}},
		{"a stamp", "GET", "/", with(page, stamp), watch.Counts{
			Arrived: streams(watch.Page, 1), Vouched: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1, Customers: 1, Served: 1,
		}},
		{"a stamp that was just collected", "GET", "/", with(page, fresh), watch.Counts{
			Arrived: streams(watch.Page, 1), Vouched: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1, Customers: 1, Served: 1,
		}},
		{"a stamp with a script's call", "POST", "/api/cart", []string{"User-Agent: " + kit.UserAgent, "Accept: */*", stamp}, watch.Counts{
			Arrived: streams(watch.Page, 1), Vouched: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1, Customers: 1, Served: 1,
		}},
		{"a search that fails", "GET", "/search/broken", page, watch.Counts{Arrived: streams(watch.Search, 1), Through: streams(watch.Search, 1), Answered: 1}},
		{"a page that fails", "GET", "/broken", with(page, stamp), watch.Counts{
			Arrived: streams(watch.Page, 1), Vouched: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1, Bad: 1, Customers: 1,
		}},
		{"a page that is late", "GET", "/slow", page, watch.Counts{Arrived: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1, Bad: 1}},
		{"a log-in", "POST", "/login", page, watch.Counts{Arrived: streams(watch.Account, 1), Through: streams(watch.Account, 1), Answered: 1}},
		{"an order", "POST", "/checkout", with(page, stamp), watch.Counts{
			Arrived: streams(watch.Order, 1), Vouched: streams(watch.Order, 1), Through: streams(watch.Order, 1), Answered: 1, Customers: 1, Served: 1, Orders: 1,
		}},
		{"a look at the order", "GET", "/checkout", page, watch.Counts{Arrived: streams(watch.Order, 1), Through: streams(watch.Order, 1), Answered: 1}},
		{"a partner", "GET", "/", with(page, "X-Erp: "+kit.PartnerSecret), watch.Counts{}},
		{"a notification", "POST", "/payment/callback", []string{"User-Agent: a provider"}, watch.Counts{}},
		{"what is public", "GET", "/favicon.ico", page, watch.Counts{}},
		{"the first picture, which may be a page", "GET", "/media/1.jpg", picture, watch.Counts{Arrived: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1}},
		{"the second picture", "GET", "/media/2.jpg", picture, watch.Counts{Assets: 1}},
		{"an attack", "GET", "/?q=%27%20UNION%20SELECT%20password%20FROM%20users--", page, watch.Counts{
			Arrived: streams(watch.Page, 1), Stopped: stopped(watch.ByFirewall, 1),
		}},
		{"the challenge's own", "GET", "/.theriac/challenge", page, watch.Counts{}},
		{"what the challenge does not have", "GET", "/.theriac/none", page, watch.Counts{}},
	} {
		slow := time.Minute
		if c.path == "/slow" {
			slow = 100 * time.Millisecond
		}
		h.shop().Tally.SetSlow(slow)
		was := h.counts()
		client := *from
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		kit.Send(t, &client, c.method, h.URL+c.path, "", c.header...)
		h.expect(c.what, was, c.want)
	}
	if got := h.counts().Distinct; got != 1 {
		t.Errorf("%d different strangers, want the one", got)
	}
}

// TestPassesVouch: challenged, solved, and then a customer, also where the pass does not
// suffice any more; refused clients are strangers.
func TestPassesVouch(t *testing.T) {
	need.Loopback(t)
	b := newBackend(t)
	h := open(t, chain(b, roomy))
	h.setLevel(shop.Attack)
	was := h.counts()
	v := kit.NewVisitor(t, h.Edge, "127.71.0.1")
	v.Earn("/product")
	h.expect("asked and solved", was, watch.Counts{
		Arrived: streams(watch.Page, 1), Asked: 1, Solved: 1, Stopped: stopped(watch.ByChallenge, 1), Distinct: 1,
	})
	for _, level := range []shop.Level{shop.Attack, shop.Calm} {
		h.setLevel(level)
		was = h.counts()
		if status, _, _ := v.Get("/search"); status != http.StatusOK {
			t.Errorf("level %s: status %d with a pass", level, status)
		}
		h.expect(fmt.Sprintf("a pass at level %s", level), was, watch.Counts{
			Arrived: streams(watch.Search, 1), Vouched: streams(watch.Search, 1), Through: streams(watch.Search, 1), Answered: 1, Customers: 1, Served: 1,
		})
	}
	h.setLevel(shop.Siege)
	was = h.counts()
	if status, _, _ := v.Get("/search"); status != http.StatusServiceUnavailable {
		t.Errorf("level %s: status %d with a pass of level 2", shop.Siege, status)
	}
	h.expect("a pass that is not worth enough", was, watch.Counts{
		Arrived: streams(watch.Search, 1), Vouched: streams(watch.Search, 1), Asked: 1, Stopped: stopped(watch.ByChallenge, 1),
	})
}

// TestWhatWaits: as long as the shop hangs, and no longer when clients leave.
func TestWhatWaits(t *testing.T) {
	need.Loopback(t)
	b := newBackend(t)
	h := open(t, chain(b, roomy))
	was := h.counts()
	var answered sync.WaitGroup
	for n := range 5 {
		answered.Go(func() { kit.Get(t, edge.From(fmt.Sprintf("127.72.0.%d", 1+n)), h.URL+"/hang", page...) })
	}
	h.expect("while the shop hangs", was, watch.Counts{Arrived: streams(watch.Page, 5), Through: streams(watch.Page, 5), Waiting: 5, Distinct: 5})
	ctx, leave := context.WithCancel(t.Context())
	var left sync.WaitGroup
	for range 3 {
		left.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/hang", nil)
			r.Header.Set("Accept", "text/html")
			if _, err := edge.From("127.72.0.9").Do(r); err == nil {
				t.Error("an answer of a shop that hangs")
			}
		})
	}
	h.expect("with three more", was, watch.Counts{Arrived: streams(watch.Page, 8), Through: streams(watch.Page, 8), Waiting: 8})
	leave()
	left.Wait()
	h.expect("when three have left", was, watch.Counts{Arrived: streams(watch.Page, 8), Through: streams(watch.Page, 8), Waiting: 5, Gone: 3})
	h.load(chain(b, roomy+"phone \"+49 30 1234567\"")) // a reload
	h.expect("after a reload", was, watch.Counts{Arrived: streams(watch.Page, 8), Through: streams(watch.Page, 8), Waiting: 5, Gone: 3})
	close(b.release)
	answered.Wait()
	h.expect("when the shop has answered", was, watch.Counts{Arrived: streams(watch.Page, 8), Through: streams(watch.Page, 8), Answered: 5, Gone: 3})
}

// TestFlood: of many clients, beyond limits of a client and of the whole shop, while a customer
// shops. A banned client and one over its limit are strangers, and only the limit of the whole
// shop says that it is crowded.
func TestFlood(t *testing.T) {
	need.Loopback(t)
	b := newBackend(t)
	tight := "limit client {\n rate 1/h\n burst 3\n}\nlimit subnet off\nlimit pages {\n rate 1/h\n burst 40\n}\n"
	h := open(t, chain(b, tight))
	flood := func(clients, each int) {
		t.Helper()
		for c := range clients {
			client := edge.From(fmt.Sprintf("127.73.%d.%d", c/200, 1+c%200))
			for range each {
				kit.Get(t, client, h.URL+"/", page...)
			}
			client.CloseIdleConnections()
		}
	}
	was := h.counts()
	flood(10, 5) // 3 of 5 each
	want := watch.Counts{
		Arrived: streams(watch.Page, 50), Through: streams(watch.Page, 30), Answered: 30, Stopped: stopped(watch.ByLimit, 20), Distinct: 10,
	}
	h.expect("10 clients beyond their limit", was, want)
	was = h.counts()
	flood(40, 1) // those 10 are over their limit; of the others 10 find room
	want = watch.Counts{
		Arrived: streams(watch.Page, 40), Through: streams(watch.Page, 10), Answered: 10, Crowded: 20, Stopped: stopped(watch.ByLimit, 30),
	}
	h.expect("30 more, and the shop is crowded", was, want)
	if got := h.counts().Distinct; got < 35 || got > 45 {
		t.Errorf("%d different strangers, want about 40", got)
	}
	was = h.counts()
	stamp := "Cookie: theriac-seen=" + kit.Stamp(t, "loewen", "127.73.9.1", kit.UserAgent, time.Hour)
	kit.Get(t, edge.From("127.73.9.1"), h.URL+"/", with(page, stamp)...)
	h.expect("a customer in the crowd", was, watch.Counts{
		Arrived: streams(watch.Page, 1), Vouched: streams(watch.Page, 1), Crowded: 1, Customers: 1, Stopped: stopped(watch.ByLimit, 1),
	})
}

// TestOtherChains: without stages each request counts once nevertheless; what would be the
// challenge's is the shop's where there is none.
func TestOtherChains(t *testing.T) {
	need.Loopback(t)
	b := newBackend(t)
	for name, c := range map[string]struct {
		chain string
		own   bool
	}{
		"the visit alone":       {"shop_visit loewen\nreverse_proxy " + b.addr, false},
		"no challenge":          {"shop_visit loewen\nshop_waf loewen\nreverse_proxy " + b.addr, false},
		"the challenge is off":  {chain(b, roomy+"challenge off"), true},
		"the firewall is off":   {chain(b, roomy+"waf off"), true},
		"the shop is this edge": {"shield loewen\nrespond shop", true},
	} {
		h := open(t, c.chain)
		was := h.counts()
		kit.Get(t, edge.From("127.74.0.1"), h.URL+"/.theriac/none", page...)
		want := uint64(1)
		if !c.own {
			want = 2
		}
		kit.Get(t, edge.From("127.74.0.1"), h.URL+"/", page...)
		h.expect(name, was, watch.Counts{Arrived: streams(watch.Page, want), Through: streams(watch.Page, want), Answered: want, Distinct: 1})
	}
}

// TestTheBackendIsDown: each request that nobody answers is a bad answer.
func TestTheBackendIsDown(t *testing.T) {
	need.Loopback(t)
	h := open(t, strings.Replace(chain(newBackend(t), roomy), "shop_backend ", "shop_backend "+need.Addr(t)+" # ", 1))
	was := h.counts()
	if got := kit.Get(t, edge.From("127.75.0.1"), h.URL+"/", page...).Status; got != http.StatusBadGateway {
		t.Errorf("status %d, want 502", got)
	}
	h.expect("a backend that is down", was, watch.Counts{Arrived: streams(watch.Page, 1), Through: streams(watch.Page, 1), Answered: 1, Bad: 1, Distinct: 1})
}
