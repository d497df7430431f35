package challenge

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// ledger is a shop that notes what reaches it.
type ledger struct {
	addr string
	mu   sync.Mutex
	seen map[string]int // method, address and body
	all  atomic.Int64
}

func openLedger(t testing.TB) *ledger {
	l := &ledger{seen: make(map[string]int)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what breaks off is not what was sent
		l.all.Add(1)
		l.mu.Lock()
		l.seen[r.Method+" "+r.RequestURI+" "+string(body)]++
		l.mu.Unlock()
	}))
	t.Cleanup(server.Close)
	l.addr = server.Listener.Addr().String()
	return l
}

func (l *ledger) count(method, target, body string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[method+" "+target+" "+body]
}

// What providers send to shops of each kind.
var notifications = []string{
	"/wp-json/paypal/v1/incoming", "/?wc-api=wc_stripe", "/wc-api/WC_Gateway_Paypal/", "/wp-json/mollie/v1/webhook",
	"/index.php?cl=oscpaypalwebhook", "/index.php?cl=unzer_dispatcher&fnc=updatePaymentTransStatus", "/index.php?cl=AdyenWebhookController&shp=1",
	"/PaypalUnifiedWebhook/execute", "/api/_action/paypal/webhook/execute", "/mollie/webhook/0189a1b2c3d47e5f8a9b0c1d2e3f4a5b", "/payone/webhook",
	"/adyen/process/json", "/kco/api/push/id/12345", "/payone/transactionstatus", "/paypal/ipn/", "/stripe/webhooks",
	"/module/stripe_official/webhook", "/index.php?fc=module&module=mollie&controller=webhook",
	"/index.php?route=extension/payment/pp_standard/callback", "/Plugins/PaymentPayPalStandard/IPNHandler",
	"/callback/paypal/ipn.php", "/index.php?page=callback&page_action=xt_paypal", "/payment/payPal/notification", "/includes/modules/notify.php",
	"/ipn.php", "/payment/notify/4711",
}

func presetEdge(t testing.TB, backend, settings string) *edge.Edge {
	t.Helper()
	return edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, "shield loewen {\n"+kit.Indent(settings, 1)+"}\nshop_backend "+backend))
}

// TestNotificationsArrive: at every level, once and as they were sent, with a User-Agent
// and without.
func TestNotificationsArrive(t *testing.T) {
	shopOf := openLedger(t)
	e := presetEdge(t, shopOf.addr, "")
	for level := range shop.Level(shop.Levels) {
		kit.SetLevel(t, e, "loewen", level)
		for n, target := range notifications {
			for agent, header := range map[string][]string{
				"none":  {"User-Agent: "},
				"named": {"User-Agent: PAYONE FinanceGate", "Accept: */*"},
			} {
				body := fmt.Sprintf("{\"id\":\"WH-%d-%d-%s\",\"note\":\"\\u00fc ÄÖ\"}", level, n, agent)
				source := fmt.Sprintf("127.50.%d.%d", level, n+1)
				got := kit.Send(t, edge.From(source), http.MethodPost, e.URL+target, body, append(header, "Content-Type: application/json")...)
				if arrived := shopOf.count("POST", target, body); got.Status != http.StatusOK || arrived != 1 {
					t.Errorf("level %d, User-Agent %s: %s: status %d, arrived %d times", level, agent, target, got.Status, arrived)
				}
			}
		}
	}
}

// bypasses are addresses with a word for notifications in them, as a browser would ask.
var bypasses = []string{
	"GET /search/notify?q=tee", "POST /search/notify?q=tee", "GET /index.php/ipn/?cl=search&searchparam=tee", "GET /checkout%2Fcallback",
	"GET /tee/webhook", "GET /callback", "HEAD /webhook/tee", "GET /webhooks;a=1/tee", "GET /ipn.php?s=tee", "GET /?wc-api=wc_stripe&s=tee",
	"POST /?wc-api=wc_stripe", "POST /payone/transactionstatus",
}

// TestWordsAreNoExemption: at the highest level nothing of that reaches the shop. The
// control is the rule as it was: a segment with such a word, with any method.
func TestWordsAreNoExemption(t *testing.T) {
	for old, settings := range map[bool]string{
		false: "",
		true:  "class callback path_regexp (?i)/(callbacks?|ipn|webhooks?|notify|notification)([/;]|$)",
	} {
		shopOf := openLedger(t)
		e := presetEdge(t, shopOf.addr, settings)
		kit.SetLevel(t, e, "loewen", shop.Siege)
		for n, line := range bypasses {
			method, target, _ := strings.Cut(line, " ")
			got := kit.Send(t, edge.From(fmt.Sprintf("127.51.%d.1", n)), method, e.URL+target, "", "User-Agent: "+kit.UserAgent,
				"Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document")
			if !old && got.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d, want the challenge", line, got.Status)
			}
		}
		switch reached := shopOf.all.Load(); {
		case !old && reached != 0:
			t.Errorf("%d of %d reached the shop: %v", reached, len(bypasses), shopOf.seen)
		case old && reached < 7:
			t.Errorf("the control: with the old rule only %d of %d reached the shop: %v", reached, len(bypasses), shopOf.seen)
		}
	}
}

// flood sends 15 requests a second from each of 25 subnets to addresses of notifications,
// until stop is called, which returns how many were sent.
func flood(t testing.TB, e *edge.Edge) (stop func() int64) {
	var sent atomic.Int64
	var all sync.WaitGroup
	done := make(chan struct{})
	for n := range 25 {
		client := edge.From(fmt.Sprintf("127.52.%d.1", n))
		all.Go(func() {
			tick := time.NewTicker(time.Second / 15)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				sent.Add(1)
				response, err := client.Post(e.URL+notifications[i%len(notifications)], "application/x-www-form-urlencoded", strings.NewReader("flood=1"))
				if err == nil {
					_, _ = io.Copy(io.Discard, response.Body) // it only has to be read
					response.Body.Close()
				}
			}
		})
	}
	var once sync.Once
	stop = func() int64 {
		once.Do(func() { close(done) })
		all.Wait()
		return sent.Load()
	}
	t.Cleanup(func() { stop() })
	return stop
}

// TestNotificationsArriveDuringAFlood: of clients that claim the same addresses, each below
// all limits of a client. Meanwhile a customer orders, and the flood gets its small share.
// The control is the same flood while the shop is calm.
func TestNotificationsArriveDuringAFlood(t *testing.T) {
	control := openLedger(t)
	stop := flood(t, presetEdge(t, control.addr, ""))
	time.Sleep(1500 * time.Millisecond)
	if sent, reached := stop(), control.all.Load(); reached < sent*9/10 {
		t.Errorf("the control: %d of %d requests reached the calm shop, want nearly all", reached, sent)
	}

	shopOf := openLedger(t)
	e := presetEdge(t, shopOf.addr, "")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	customer := kit.NewVisitor(t, e, "127.53.0.1")
	customer.Earn("/")
	before, begin := shopOf.all.Load(), time.Now()
	stop = flood(t, e)
	time.Sleep(4 * time.Second)
	for n, target := range notifications {
		body := fmt.Sprintf("id=WH-%d", n)
		source := fmt.Sprintf("127.54.%d.1", n/5) // five providers or six
		got := kit.Send(t, edge.From(source), http.MethodPost, e.URL+target, body, "User-Agent: ", "Content-Type: application/x-www-form-urlencoded")
		if arrived := shopOf.count("POST", target, body); got.Status != http.StatusOK || arrived != 1 {
			t.Errorf("%s: status %d, arrived %d times", target, got.Status, arrived)
		}
		if n < 20 {
			if status, _, _ := customer.Send(http.MethodPost, "/checkout", "application/x-www-form-urlencoded", fmt.Sprint("order=", n)); status != http.StatusOK {
				t.Errorf("order %d: status %d", n, status)
			}
		}
	}
	sent := stop()
	reached, took := shopOf.all.Load()-before-int64(len(notifications))-20, time.Since(begin)
	// 24 of each subnet and one every 2 s, and what all of them share: 120 and 20 per second.
	if most := int64(25*24+120) + int64((25*.5+22)*took.Seconds()); reached > most {
		t.Errorf("%d of %d requests of the flood reached the shop in %s, want at most %d", reached, sent, took, most)
	}
	t.Logf("%d of %d requests of the flood reached the shop in %s", reached, sent, took)
}

// TestNotificationsHaveABudget: what one subnet sends beyond it is told when to try again;
// a partner has its own.
func TestNotificationsHaveABudget(t *testing.T) {
	shopOf := openLedger(t)
	e := presetEdge(t, shopOf.addr, "limit client off\npartner paypal {\n\theader X-Secret "+kit.PartnerSecret+"\n\trate 100/s\n}")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	count := func(source string, header ...string) (arrived int, last kit.Reply) {
		for range 150 {
			got := kit.Send(t, edge.From(source), http.MethodPost, e.URL+"/paypal/ipn/", "", append(header, "User-Agent: ")...)
			if got.Status == http.StatusOK {
				arrived++
			} else {
				last = got
			}
		}
		return arrived, last
	}
	arrived, last := count("127.55.0.1")
	if arrived < 60 || arrived > 90 {
		t.Errorf("%d of 150 notifications of one subnet arrived, want about 60", arrived)
	}
	if wait := last.Header.Get("Retry-After"); last.Status != http.StatusTooManyRequests || wait == "" || wait == "0" {
		t.Errorf("status %d with Retry-After %q, want 429 and when to try again", last.Status, wait)
	}
	if arrived, last := count("127.55.0.2", "X-Secret: "+kit.PartnerSecret); arrived != 150 {
		t.Errorf("%d of 150 notifications of the partner arrived: status %d", arrived, last.Status)
	}
}

// TestPatientFloodHasABudget: clients that stay just below the budget of their subnet get no
// more than all busy subnets together. The control is one that sends as little as a quiet
// subnet does.
func TestPatientFloodHasABudget(t *testing.T) {
	t.Parallel()
	shopOf := openLedger(t)
	e := presetEdge(t, shopOf.addr, "")
	kit.SetLevel(t, e, "loewen", shop.Siege)
	preflight := func(from string) int {
		return kit.Send(t, edge.From(from), http.MethodOptions, e.URL+"/search?q=tee", "", "Origin: https://app.example", "Access-Control-Request-Method: POST").Status
	}
	const subnets = 25
	began := time.Now()
	for range 8 { // eight a second at the most, of ten
		for n := range subnets {
			for range 6 {
				preflight(fmt.Sprintf("127.58.%d.1", n))
			}
		}
		if preflight("127.59.0.1") != http.StatusOK {
			t.Error("the control: a quiet subnet is refused")
		}
		time.Sleep(time.Second)
	}
	took := time.Since(began).Seconds()
	if most := int64(subnets*24+120+8) + int64((subnets*.1+22)*took); shopOf.all.Load() > most {
		t.Errorf("%d of %d preflights reached the shop in %.0f s, want at most %d", shopOf.all.Load(), 8*6*subnets, took, most)
	}
}

// TestPublicPasses: what has no cookies by nature is never challenged.
func TestPublicPasses(t *testing.T) {
	shopOf := openLedger(t)
	e := presetEdge(t, shopOf.addr, "class public path /preise/liste")
	for level := range shop.Level(shop.Levels) {
		kit.SetLevel(t, e, "loewen", level)
		for n, c := range []struct {
			line   string
			header []string
			passes bool
		}{
			{"GET /.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", nil, true},
			{"GET /.well-known/apple-developer-merchantid-domain-association", nil, true},
			{"GET /robots.txt", nil, true},
			{"GET /sitemap/salesChannel-abc/1-sitemap.xml.gz", nil, true},
			{"GET /manifest.json", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: manifest"}, true},
			{"GET /export/idealo.csv", nil, true},
			{"GET /preise/liste", nil, true}, // named by the shop
			{"OPTIONS /store-api/cart", []string{"Origin: https://app.example", "Access-Control-Request-Method: POST", "Sec-Fetch-Mode: cors"}, true},
			{"OPTIONS /store-api/cart", []string{"Origin: https://app.example", "Access-Control-Request-Method: POST", "Cookie: cart=1"}, level == shop.Calm}, // no browser sends that
			{"GET /.well-known/x?cl=search", nil, level == shop.Calm},
			{"OPTIONS /store-api/cart", []string{"Origin: https://app.example", "Sec-Fetch-Mode: cors"}, level == shop.Calm},
			{"GET /preise", nil, level == shop.Calm},
		} {
			method, target, _ := strings.Cut(c.line, " ")
			before := shopOf.all.Load()
			got := kit.Send(t, edge.From(fmt.Sprintf("127.56.%d.%d", level, n+1)), method, e.URL+target, "", append(c.header, "User-Agent: ")...)
			if passed := shopOf.all.Load() > before; passed != c.passes {
				t.Errorf("level %d: %s %q: status %d, passed %t, want %t", level, c.line, c.header, got.Status, passed, c.passes)
			}
		}
	}
}

// TestOtherOriginsCanReadTheChallenge: that there is one, and nothing else; and nobody else
// can.
func TestOtherOriginsCanReadTheChallenge(t *testing.T) {
	e := presetEdge(t, kit.NewBackend(t).Addr, "")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	for n, c := range []struct {
		header []string
		want   string
	}{
		{[]string{"Origin: https://app.example", "Sec-Fetch-Mode: cors"}, "https://app.example"},
		{[]string{"Origin: https://app.example:8443", "Accept: application/json"}, "https://app.example:8443"},
		{[]string{"Origin: https://" + e.Addr, "Sec-Fetch-Mode: cors"}, "https://" + e.Addr}, // the scheme differs
		{[]string{"Origin: http://" + e.Addr, "Sec-Fetch-Mode: cors"}, ""},
		{[]string{"Sec-Fetch-Mode: cors"}, ""},
		{[]string{"Origin: null", "Sec-Fetch-Mode: cors"}, ""},
		{[]string{"Origin: https://a.example, https://b.example", "Sec-Fetch-Mode: cors"}, ""},
		{[]string{"Origin: https://app.example", "Sec-Fetch-Mode: no-cors"}, ""},
		{[]string{"Origin: https://app.example", "Sec-Fetch-Mode: navigate"}, ""},
	} {
		got := kit.Send(t, edge.From(fmt.Sprintf("127.57.%d.1", n)), http.MethodPost, e.URL+"/api/cart", "", append(c.header, "User-Agent: "+kit.UserAgent)...)
		header := map[string]string{}
		for name, values := range got.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				header[name] = strings.Join(values, ", ")
			}
		}
		want := map[string]string{}
		if c.want != "" {
			want = map[string]string{
				"Access-Control-Allow-Origin": c.want, "Access-Control-Allow-Credentials": "true",
				"Access-Control-Expose-Headers": "X-Theriac-Challenge",
			}
		}
		if fmt.Sprint(header) != fmt.Sprint(want) {
			t.Errorf("%q: %d with %v, want %v", c.header, got.Status, header, want)
		}
		if c.want != "" && (got.Status != http.StatusTooManyRequests || got.Header.Get("X-Theriac-Challenge") == "" || !strings.Contains(got.Header.Get("Vary"), "Origin")) {
			t.Errorf("%q: %d with %v", c.header, got.Status, got.Header)
		}
	}
}
