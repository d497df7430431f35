package challenge

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// A notice is what a payment provider sends to a shop system, with what it is signed by.
type notice struct {
	line   string   // method and address
	header []string // beside User-Agent
	body   string
}

// notices are one for each pair of provider and shop system that most pharmacies have.
var notices = []notice{
	{"POST /wp-json/paypal/v1/incoming", []string{"Content-Type: application/json", "Paypal-Transmission-Id: 69cd13f0-d67a", "Paypal-Transmission-Sig: kQ8j/Z+w==", "Paypal-Auth-Algo: SHA256withRSA"}, `{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"amount":{"value":"23.80"}}}`},
	{"POST /index.php?cl=oscpaypalwebhook", []string{"Content-Type: application/json", "Paypal-Transmission-Sig: a+b/c=="}, `{"id":"WH-2", "summary":"\u20ac 5"}`},
	{"POST /PaypalUnifiedWebhook/execute", []string{"Content-Type: application/json"}, `{"id":"WH-3"}`},
	{"POST /api/_action/paypal/webhook/execute?sw-token=Ab%2Bc", []string{"Content-Type: application/json"}, `{"id":"WH-4"}`},
	{"POST /paypal/ipn/", []string{"Content-Type: application/x-www-form-urlencoded"}, "mc_gross=19.95&protection_eligibility=Eligible&address_street=Stra%DFe+1&payment_status=Completed&charset=windows-1252&verify_sign=AtkOfCXbDm2hu0ZELryHFjY-Vb7P"},
	{"POST /index.php?route=extension/payment/pp_standard/callback", []string{"Content-Type: application/x-www-form-urlencoded"}, "txn_id=61E67681CH3238416&custom=&first_name=J%C3%BCrgen"},
	{"POST /callback/paypal/ipn.php", []string{"Content-Type: application/x-www-form-urlencoded; charset=windows-1252"}, "payment_status=Completed&ipn_track_id=1"},
	{"POST /?wc-api=wc_stripe", []string{"Content-Type: application/json; charset=utf-8", "Stripe-Signature: t=1492774577,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd,v0=6ffbb59b"}, "{\n  \"id\": \"evt_1\",\n  \"type\": \"charge.succeeded\"\n}"},
	{"POST /stripe/webhooks", []string{"Content-Type: application/json; charset=utf-8", "Stripe-Signature: t=1,v1=2"}, "{\n  \"id\": \"evt_2\"\n}"},
	{"POST /kco/api/push/id/f3392f8b-6116-4073-ab96-e330819e2c07?klarna_order_id=f3392f8b", []string{"Content-Type: application/json"}, ""},
	{"POST /klarna/callback/notification/0189a1b2c3d47e5f8a9b0c1d2e3f4a5b", []string{"Content-Type: application/json"}, `{"event_type":"FRAUD_RISK_ACCEPTED"}`},
	{"POST /adyen/webhook", []string{"Content-Type: application/json", "Authorization: Basic YWR5ZW46c2VjcmV0", "Hmacsignature: coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="}, `{"live":"true","notificationItems":[{"NotificationRequestItem":{"eventCode":"AUTHORISATION","success":"true"}}]}`},
	{"POST /index.php?cl=AdyenWebhookController&shp=1", []string{"Content-Type: application/json"}, `{"live":"true"}`},
	{"POST /wp-json/mollie/v1/webhook?mollie_webhook_secret=abc", []string{"Content-Type: application/x-www-form-urlencoded", "X-Mollie-Signature: sha256=9d51"}, "id=tr_d0b0E3EA3v"},
	{"POST /mollie/webhook/0189a1b2c3d47e5f8a9b0c1d2e3f4a5b", []string{"Content-Type: application/x-www-form-urlencoded"}, "id=tr_7UhSN1zuXS"},
	{"POST /payone/transactionstatus", []string{"Content-Type: application/x-www-form-urlencoded"}, "key=17e7e32f5b&txaction=paid&clearingtype=wlt&lastname=M%FCller&price=12.50"},
	{"POST /modules/fcPayOne/status.php", []string{"Content-Type: application/x-www-form-urlencoded; charset=ISO-8859-1"}, "key=1&txaction=appointed&city=K%F6ln"},
	{"POST /index.php?cl=amazondispatch&action=ipn", []string{"Content-Type: text/plain; charset=UTF-8", "X-Amz-Sns-Message-Type: Notification", "X-Amz-Sns-Topic-Arn: arn:aws:sns:eu-west-1:1:A3"}, `{"Type":"Notification","Signature":"EXAMPLE+/=="}`},
	{"POST /index.php?cl=unzer_dispatcher&fnc=updatePaymentTransStatus", []string{"Content-Type: application/json"}, `{"event":"payment.completed","retrieveUrl":"https://api.unzer.com/v1/payments/s-pay-1"}`},
	{"GET /novalnet/callback?tid=14053200060612345&status=100&checksum=b0f5e0", nil, ""},
}

// A post box is a shop that keeps the notices that it gets as they are, beside another one.
type postbox struct {
	addr string
	mu   sync.Mutex
	got  map[string][]string // by X-Request-Id
}

func openPostbox(t testing.TB, other string) *postbox {
	t.Helper()
	p := &postbox{got: make(map[string][]string)}
	rest := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: other})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !strings.HasPrefix(id, "notice-") {
			rest.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body) // what breaks off is not what was sent
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got[id] = append(p.got[id], written(r.Method, r.RequestURI, r.Header, string(body)))
	}))
	t.Cleanup(server.Close)
	p.addr = server.Listener.Addr().String()
	return p
}

// written is a request byte for byte, but for the headers of proxies and connections.
func written(method, target string, header http.Header, body string) string {
	var lines []string
	for name, values := range header {
		switch {
		case name == "Via", name == "Accept-Encoding", name == "Content-Length", strings.HasPrefix(name, "X-Forwarded-"), name == "X-Class":
		default:
			for _, value := range values {
				lines = append(lines, name+": "+value)
			}
		}
	}
	slices.Sort(lines)
	return method + " " + target + "\n" + strings.Join(lines, "\n") + "\n\n" + body
}

// deliver sends each notice from a subnet of its own, and as providers do again where the
// answer says when. It wants it to be at the shop once, as it was sent.
func (p *postbox) deliver(t *testing.T, e *edge.Edge, round string, subnet int) (again int) {
	t.Helper()
	for n, sent := range notices {
		for _, agent := range []string{"", "Provider/1.0 (webhooks)"} {
			method, target, _ := strings.Cut(sent.line, " ")
			id := fmt.Sprintf("notice-%s-%d-%t", round, n, agent != "")
			header := append(slices.Clone(sent.header), "X-Request-Id: "+id, "User-Agent: "+agent)
			if agent != "" {
				header = append(header, "Accept: */*")
			}
			want := make(http.Header)
			for _, line := range header {
				if name, value, _ := strings.Cut(line, ": "); value != "" {
					want.Add(name, value)
				}
			}
			provider := edge.From(fmt.Sprintf("127.90.%d.1", subnet+n))
			got := kit.Send(t, provider, method, e.URL+target, sent.body, header...)
			for try := 0; try < 8 && got.Status != http.StatusOK && got.Header.Get("Retry-After") != ""; try++ {
				again++
				time.Sleep(time.Second)
				got = kit.Send(t, provider, method, e.URL+target, sent.body, header...)
			}
			p.mu.Lock()
			arrived := p.got[id]
			p.mu.Unlock()
			if text := written(method, target, want, sent.body); got.Status != http.StatusOK || len(arrived) != 1 || arrived[0] != text {
				t.Errorf("%s: status %d %s; sent\n%s\nand the shop got %d times\n%s", round, got.Status, got.Body, text, len(arrived), strings.Join(arrived, "\n--\n"))
			}
		}
	}
	return again
}

// TestNoticesArrive: at every level, and at the highest while attackers send to the same
// addresses and all that they can think of.
func TestNoticesArrive(t *testing.T) {
	need.Time(t)
	need.Loopback(t)
	s := openSieged(t)
	p := openPostbox(t, s.addr)
	e := siegeEdge(t, p.addr, "shield loewen")
	for level := range shop.Level(shop.Levels) {
		kit.SetLevel(t, e, "loewen", level)
		if again := p.deliver(t, e, fmt.Sprint("level", level), 20*int(level)); again > 0 {
			t.Errorf("level %d: %d notices were refused at first", level, again)
		}
	}
	for n, w := range []weapon{{"everything", everything}, weapons[1]} {
		flood := besiege(t, e, w.load)
		time.Sleep(1500 * time.Millisecond)
		again := p.deliver(t, e, w.name, 100+20*n)
		flood.stop()
		t.Logf("%s: %d notices were sent again; %d requests of the attackers: %v", w.name, again, flood.sent.Load(), flood.statuses)
	}
}
