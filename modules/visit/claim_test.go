package visit

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// claiming is a request as it comes from the wire, with "Name: value" headers.
func claiming(t testing.TB, method, target string, header ...string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, URL: u, Header: make(http.Header)}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// What providers send, at the addresses of the shop systems: with and without a
// User-Agent.
var notified = []string{
	"POST /wp-json/paypal/v1/incoming",
	"POST /index.php?rest_route=/paypal/v1/incoming",
	"POST /?wc-api=wc_stripe",
	"POST /de/?wc-api=WC_Gateway_Paypal",
	"POST /wc-api/WC_Gateway_Paypal/",
	"POST /index.php?cl=oscpaypalwebhook",
	"POST /index.php?lang=0&cl=oePayPalIPNHandler&fnc=handleRequest&shp=1",
	"POST /index.php?cl=AdyenWebhookController&shp=1",
	"POST /index.php?cl=unzer_dispatcher&fnc=updatePaymentTransStatus",
	"POST /index.php?cl=amazondispatch&action=ipn&shp=1",
	"POST /?cl=KlarnaAcknowledge&klarna_order_id=4711",
	"POST /PaypalUnifiedWebhook/execute",
	"POST /shopware.php/PaypalUnifiedWebhook/execute",
	"POST /api/_action/paypal/webhook/execute",
	"POST /api/v3/_action/paypal/webhook/execute",
	"POST /api/_action/swag_amazon_pay/ipn",
	"POST /paypal/ipn/",
	"POST /index.php/paypal/ipn/",
	"POST /de/paypal/ipn/index/",
	"POST /adyen/process/json",
	"POST /adyen/webhook",
	"POST /adyen/notification",
	"POST /kco/api/push/id/12345",
	"POST /kco/api/push/id/f3392f8b-6116-4073-ab96-e330819e2c07/",
	"POST /klarna/callback/notification/0189a1b2c3d47e5f8a9b0c1d2e3f4a5b",
	"POST /mollie/checkout/webhook/?isAjax=1",
	"POST /mollie/webhook/0189a1b2c3d47e5f8a9b0c1d2e3f4a5b",
	"POST /wp-json/mollie/v1/webhook?mollie_webhook_secret=abc",
	"POST /payone/transactionstatus",
	"POST /payone/webhook",
	"POST /modules/fcPayOne/status.php",
	"POST /index.php?route=extension/payment/pp_standard/callback",
	"POST /index.php?route=payment%2Fpp_express%2Fipn",
	"POST /index.php?route=extension/opencart/payment/paypal.callback",
	"POST /Plugins/PaymentPayPalStandard/IPNHandler",
	"POST /Plugins/PayPalCommerce/Webhook",
	"POST /module/stripe_official/webhook",
	"POST /de/module/ps_checkout/DispatchWebHook",
	"POST /index.php?fc=module&module=mollie&controller=webhook&id_lang=1",
	"POST /callback/paypal/ipn.php",
	"POST /callback/unzer/webhook.php",
	"POST /index.php?page=callback&page_action=xt_paypal",
	"POST /shop.php?do=MollieWebhook",
	"POST /payment/payPal/notification",
	"POST /includes/modules/notify.php",
	"POST /unzer/webhooks/process/store/1/",
	"GET /novalnet/callback?tid=14053200060612345",
	"GET /girocheckout/notify-giropay?gcReference=1",
	"POST /FatchipCTCreditCard/notify",
	"POST /ipn.php", "POST /ipn", "POST /ipn/", "POST //ipn.php?order=1",
	"POST /paypal-webhook.php", "POST /stripe_webhook", "POST /ipn_main_handler.php",
	"POST /payment/callback", "POST /payment/notify/4711", "POST /api/v1/payments/mollie/webhook",
	"POST /webhooks/stripe", "POST /api/v1/webhooks/Adyen/", "POST /payment/webhook/mollie/4711", "POST /ratepay/push",
	"POST /skrill/status", "POST /paypal/postback", "POST /stripewebhook", "POST /PayPalIPN.php", "POST /paymentnotification",
}

// What only looks like a notification.
var unnotified = []string{
	"GET /search/notify?q=tee", "POST /search/notify?q=tee", "POST /search/notify", "POST /Suche/ipn.php",
	"POST /de/search/webhook/4711", "POST /cart/webhook", "POST /account/login/callback",
	"GET /index.php/ipn/?cl=search&searchparam=tee", "POST /index.php/ipn/?cl=search", "POST /index.php/ipn/",
	"POST /search.php/notify", "POST /shop.aspx/ipn", "POST /page.html/webhook",
	"POST /checkout%2Fcallback", "POST /search%2fnotify", "POST /sear%63h/notify", "POST /ip%6e",
	"POST /webhook/../search?q=tee", "POST /webhook/%2e%2e/search", "POST /search/x/..%2f..%2fnotify", "POST /./ipn",
	"POST /search;a=1/notify", "POST /ipn;jsessionid=1", "POST /ipn%3bx", `POST /search%5cnotify`, "POST /ipn%00", "POST /suche%20/ipn",
	"POST /search/webhooks/stripe", "POST /stripe", "POST /tee/push", "POST /stripe/tee", "POST /teewebhook", "POST /webhook/stripe/tee", "GET /webhooks/stripe",
	"POST /webhook/search", "POST /webhook/tee", "POST /notify/page-two", "POST /webhooks-for-shops", "POST /callback-tee/beutel",
	"POST /ipn?s=tee", "POST /webhook?q=tee", "POST /webhook?route=product/search", "POST /ipn?%63l=search", "POST /ipn?a=1;cl=search",
	"POST /ipn?+cl=search", "POST /ipn?cl[]=search", "POST /ipn?rest.route=/x", "POST /ipn?CL=search",
	"GET /ipn", "GET /webhook", "GET /payment/callback", "HEAD /ipn.php", "PUT /ipn.php", "DELETE /webhook",
	"POST /index.php?cl=search", "POST /index.php?cl[]=oscpaypalwebhook", "POST /shop.php?do=CheckQuantity", "POST /ipn?sViewport=search", "POST /index.php?cl=oscpaypalwebhook&cl=search", "POST /index.php?cl=search&cl=oscpaypalwebhook",
	"POST /index.php?cl=oscpaypalwebhook&route=product/search", "POST /search?cl=oscpaypalwebhook", "POST /search/?wc-api=wc_stripe",
	"POST /?wc-api=", "POST /?wc-api=wc_stripe&s=tee", "GET /?wc-api=wc_stripe", "GET /index.php?cl=oscpaypalwebhook",
	"POST /index.php?cl=unzer_dispatcher", "POST /index.php?cl=amazondispatch", "POST /a/b/c/?wc-api=wc_stripe",
	"POST /index.php?route=product/search", "POST /index.php?route=common/callback", "POST /index.php?fc=module&module=x&controller=display",
	"POST /index.php?fc=module&module=mollie", "POST /index.php?controller=search", "POST /index.php?page=callback",
	"POST /kco/api/push/id/search", "POST /kco/api/push/id", "POST /search/adyen/process/json", "POST /x/y/z/payone/transactionstatus",
	"POST /x.php/payone/transactionstatus", "POST /payone/transactionstatus?cl=search", "POST /adyen/process/json/search",
	"POST /", "POST /checkout", "POST /a/b/c/d/e/f/g/h/ipn",
}

func TestNotifications(t *testing.T) {
	for _, line := range notified {
		method, target, _ := strings.Cut(line, " ")
		for _, header := range [][]string{nil, {"User-Agent: PAYONE FinanceGate", "Accept: */*", "Content-Type: application/json"}, {"User-Agent: node", "Sec-Fetch-Mode: cors"}} {
			if got := classOf(claiming(t, method, target, header...)); got != shop.Callback {
				t.Errorf("%s is %v, want a notification", line, got)
			}
		}
		for _, header := range []string{
			"Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-Dest: empty", "Origin: https://shop.example",
			"X-HTTP-Method-Override: GET", "X-Original-URL: /search", "X-Rewrite-URL: /search",
		} {
			if got := classOf(claiming(t, method, target, header)); got == shop.Callback {
				t.Errorf("%s with %s is a notification", line, header)
			}
		}
	}
	if len(unnotified) < len(notified) {
		t.Errorf("%d counterexamples to %d examples", len(unnotified), len(notified))
	}
	for _, line := range unnotified {
		method, target, _ := strings.Cut(line, " ")
		if classOf(claiming(t, method, target)) == shop.Callback {
			t.Errorf("%s is a notification", line)
		}
	}
}

// Each line of the table is reached by what it says, so no line is dead.
func TestEachLineOfTheTableMatches(t *testing.T) {
	fill := strings.NewReplacer("*", "x", "#", "4711")
	for _, n := range notifications {
		var target strings.Builder
		target.WriteString("/" + fill.Replace(strings.Join(n.path, "/")))
		for i, field := range n.query {
			target.WriteString(map[bool]string{true: "?", false: "&"}[i == 0] + field[0] + "=" + fill.Replace(field[1]))
		}
		for _, method := range n.methods {
			if got := classOf(claiming(t, method, target.String())); got != shop.Callback {
				t.Errorf("%s %s is %v", method, target.String(), got)
			}
		}
	}
	if len(notifications) < 80 {
		t.Errorf("%d lines, want at least 80", len(notifications))
	}
}

func TestTablesThatAreRefused(t *testing.T) {
	for _, line := range []string{"POST /ipn", "/ipn # x", "POST /ipn #"} {
		if _, err := parseNotifications(line); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}

func TestPublic(t *testing.T) {
	preflight := []string{"Origin: https://app.example", "Access-Control-Request-Method: POST", "Sec-Fetch-Mode: cors"}
	for _, c := range []struct {
		line   string
		header []string
		want   bool
	}{
		{"GET /.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", nil, true},
		{"GET /.well-known/change-password", []string{"Sec-Fetch-Mode: navigate"}, true},
		{"HEAD /.well-known/security.txt", nil, true},
		{"GET /robots.txt", nil, true},
		{"GET /favicon.ico?v=2", nil, true},
		{"GET /ads.txt", nil, true},
		{"GET /sitemap.xml", nil, true},
		{"GET /sitemap-2.xml.gz", nil, true},
		{"GET /sitemap/salesChannel-abc/1-sitemap-www-1.xml.gz", nil, true},
		{"GET /media/sitemap/1_de_0_sitemap.xml", nil, true},
		{"GET /manifest.json", nil, true},
		{"GET /theme/icons/manifest.json", []string{"Sec-Fetch-Dest: manifest"}, true},
		{"GET /icons/site.webmanifest", nil, true},
		{"GET /feed/", nil, true},
		{"GET /blog/feed/", nil, true},
		{"GET /category/tee/rss.xml", nil, true},
		{"GET /export/idealo.csv", nil, true},
		{"GET /media/export/idealo.csv", nil, true},
		{"GET /backend/export/index/idealo.csv?feedID=3&hash=abc", nil, true},
		{"GET /store-api/product-export/SWPE4711/idealo.csv", nil, true},
		{"GET /apple-touch-icon-120x120-precomposed.png", nil, true},
		{"GET /favicon-32x32.png", nil, true},
		{"GET /google0123456789abcdef.html", nil, true},
		{"GET /BingSiteAuth.xml", nil, true},
		{"OPTIONS /store-api/checkout/cart", preflight, true},
		{"OPTIONS /search?q=tee", preflight, true},
		{"OPTIONS /store-api/search/K%C3%B6ln", preflight, true},
		{"OPTIONS /api/a%2Fb;v=1", preflight, true},

		{"GET /.well-known", nil, false},
		{"POST /.well-known/x", nil, false},
		{"GET /search/.well-known/x", nil, false},
		{"GET /index.php/.well-known/x", nil, false},
		{"GET /.well-known/../search?q=tee", nil, false},
		{"GET /.well-known%2f..%2fsearch", nil, false},
		{"GET /.well-known/x;y", nil, false},
		{"GET /.well-known/x?cl=search&searchparam=tee", nil, false},
		{"GET /.well-known/x", []string{"X-Original-URL: /search"}, false},
		{"GET /robots.txt?s=tee", nil, false},
		{"GET /search/robots.txt", nil, false},
		{"GET /index.php/robots.txt", nil, false},
		{"GET /search/manifest.json", []string{"Sec-Fetch-Dest: manifest"}, false},
		{"GET /search?q=tee", []string{"Sec-Fetch-Dest: manifest"}, false},
		{"GET /tee.json", []string{"Sec-Fetch-Dest: manifest"}, false},
		{"GET /theme/manifest.json", nil, false},
		{"GET /search/sitemap.xml.gz", nil, false},
		{"GET /page.php/sitemap.xml.gz", nil, false},
		{"GET /sitemap", nil, false},
		{"GET /export/tee", nil, false},
		{"GET /search/export/a.csv", nil, false},
		{"GET /feed/search", nil, false},
		{"OPTIONS /search", nil, false},
		{"OPTIONS /search", preflight[:1], false},
		{"OPTIONS /search", preflight[1:], false},
		{"OPTIONS /search", append([]string{"X-HTTP-Method-Override: GET"}, preflight...), false},
		{"GET /media/google0123456789abcdef.html", nil, false},
		{"GET /google-tee.html", nil, false},
		{"GET /media/favicon.ico", nil, false},
		{"GET /store-api/product/4711", nil, false},
		{"GET /search/export/idealo.csv", nil, false},
		{"GET /search/feed/", nil, false},
		{"GET /search", preflight, false},
	} {
		method, target, _ := strings.Cut(c.line, " ")
		if got := classOf(claiming(t, method, target, c.header...)) == shop.Public; got != c.want {
			t.Errorf("%s with %q is public: %t, want %t", c.line, c.header, got, c.want)
		}
	}
	withBody := claiming(t, "OPTIONS", "/search", preflight...)
	withBody.ContentLength = 5
	if classOf(withBody) == shop.Public {
		t.Error("a preflight with a body is public")
	}
}

// TestClaimsDoNotAllocate: every request is asked what it claims.
func TestClaimsDoNotAllocate(t *testing.T) {
	for _, line := range append(append([]string{"GET /sitemap/a/b.xml.gz", "GET /feed/"}, notified...), unnotified...) {
		method, target, _ := strings.Cut(line, " ")
		r := claiming(t, method, target, "User-Agent: x")
		if n := testing.AllocsPerRun(10, func() { classOf(r) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

func BenchmarkNotification(b *testing.B) {
	for _, line := range []string{"GET /product/4711", "POST /checkout", "POST /index.php?cl=search&a=b", "POST /wp-json/mollie/v1/webhook", "POST /index.php?fc=module&module=x&controller=push"} {
		method, target, _ := strings.Cut(line, " ")
		r := claiming(b, method, target)
		b.Run(strings.ReplaceAll(line, "/", "_"), func(b *testing.B) {
			for b.Loop() {
				classOf(r)
			}
		})
	}
}
