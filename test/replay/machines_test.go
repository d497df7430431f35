package replay

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestMachines: what machines and browsers fetch without cookies arrives at each level.
func TestMachines(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	const manifest = agent + "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: manifest\r\n"
	for level := range shop.Levels {
		kit.SetLevel(t, e, "loewen", shop.Level(level))
		for _, c := range []struct{ id, target, header string }{
			{"E01", "/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", machine},
			{"E02a", "/.well-known/apple-developer-merchantid-domain-association", machine},
			{"E02b", "/.well-known/apple-app-site-association", machine},
			{"E02c", "/.well-known/assetlinks.json", machine},
			{"E02d", "/.well-known/security.txt", machine},
			{"E02e", "/.well-known/change-password", browses},
			{"E02f", "/.well-known/openid-configuration", "User-Agent: Java/17\r\nAccept: application/json\r\n"},
			{"E03a", "/robots.txt", machine},
			{"E03b", "/favicon.ico", scripts},
			{"E03b icons", "/apple-touch-icon-precomposed.png", machine},
			{"E03c", "/sitemap.xml", machine},
			{"E03d", "/sitemap/salesChannel-abc/1-sitemap-www-1.xml.gz", machine},
			{"E03e", "/manifest.json", manifest},
			{"E03f", "/site.webmanifest", manifest},
			{"E03g", "/feed/", machine},
			{"E03g blog", "/blog/feed/", machine},
			{"E03h", "/export/idealo.csv", machine},
			{"E03h Shopware 6", "/store-api/product-export/SWPE4711/idealo.csv", machine},
			{"E03i", "/ads.txt", machine},
			{"E03i owner", "/google0123456789abcdef.html", machine},
		} {
			t.Run(fmt.Sprintf("%s level %d", c.id, level), func(t *testing.T) {
				if got := ask(t, e, newClient(), "GET", c.target, c.header); !got.isShops() {
					t.Errorf("%s: status %d", c.target, got.status)
				}
			})
		}
		t.Run(fmt.Sprintf("control level %d", level), func(t *testing.T) {
			if got := ask(t, e, newClient(), "GET", "/product/1", machine); got.isChallenge() != (level >= int(shop.Attack)) {
				t.Errorf("a page: status %d", got.status)
			}
		})
	}
}

// TestPreflights arrive at each level, whatever the address, and what is none does not.
func TestPreflights(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	kit.SetLevel(t, e, "loewen", shop.Siege)
	const preflight = machine + "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
	for _, c := range []struct {
		id, target, header string
		want               bool
	}{
		{"E05", "/store-api/checkout/cart", preflight, true},
		{"E05 escapes", "/store-api/search/K%C3%B6ln", preflight, true},
		{"E05 private network", "/api/x", preflight + "Access-Control-Request-Private-Network: true\r\n", true},
		{"E05 override", "/search?q=tee", preflight + "X-HTTP-Method-Override: GET\r\n", false},
		{"E05 control", "/search?q=tee", machine, false},
	} {
		t.Run(c.id, func(t *testing.T) {
			if got := ask(t, e, newClient(), "OPTIONS", c.target, c.header); got.isShops() != c.want {
				t.Errorf("status %d, want the shop's answer: %t", got.status, c.want)
			}
		})
	}
}

// TestNotificationsOfOtherForms: what providers send that test/challenge does not.
func TestNotificationsOfOtherForms(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	const json = "Content-Type: application/json\r\n"
	for _, level := range []shop.Level{shop.Calm, shop.Raised, shop.Attack} {
		kit.SetLevel(t, e, "loewen", level)
		for _, c := range []struct{ id, target, header string }{
			{"E04a", "/wp-json/paypal/v1/incoming", json},
			{"E04a Node.js", "/wp-json/paypal/v1/incoming", json + "User-Agent: node\r\nAccept: */*\r\nSec-Fetch-Mode: cors\r\n"},
			{"E04b", "/?wc-api=wc_stripe", json},
			{"E04c", "/index.php?cl=oscpaypalwebhook", json},
			{"E04d", "/PaypalUnifiedWebhook/execute", json},
			{"E04e", "/adyen/process/json", json},
			{"E04f", "/kco/api/push/id/12345", json},
			{"E04g", "/payone/transactionstatus", json},
			{"E04h", "/index.php?route=extension/payment/pp_standard/callback", json},
			{"E04i", "/Plugins/PaymentPayPalStandard/IPNHandler", json},
			{"E04j", "/ipn.php", json},
			{"E04k", "/api/_action/paypal/webhook/execute", json},
			{"E04l", "/paypal/ipn/", json},
			{"E04m", "/payone/transactionstatus", json + machine},
			{"E04 provider last", "/webhooks/stripe", json},
			{"E04 one word", "/stripewebhook", json},
		} {
			t.Run(fmt.Sprintf("%s level %d", c.id, level), func(t *testing.T) {
				if got := post(t, e, newClient(), c.target, c.header, `{"id":"WH-1"}`); !got.isShops() {
					t.Errorf("%s: status %d", c.target, got.status)
				}
			})
		}
	}
	if got := post(t, e, newClient(), "/account/profile", json, `{"id":"WH-1"}`); !got.isChallenge() {
		t.Errorf("control: another address: status %d, want a challenge", got.status)
	}
}

// TestScriptsOfOldBrowsers, which send no Sec-Fetch headers, learn of the challenge from a
// header; E06f is a picture, for which a page would be wasted.
func TestScriptsOfOldBrowsers(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	for _, c := range []struct {
		id, method, target, header string
		status                     int
	}{
		{"E06a", "POST", "/cart/add", "Accept: */*\r\nContent-Type: application/json\r\nContent-Length: 0\r\nOrigin: https://shop.localhost\r\n", http.StatusTooManyRequests},
		{"E06b", "GET", "/widgets/checkout/info", "Accept: */*\r\n", http.StatusTooManyRequests},
		{"E06c", "GET", "/checkout/shipping-methods", "Accept: */*\r\n", http.StatusTooManyRequests},
		{"E06d", "GET", "/checkout/shipping-methods", "Accept: */*\r\nX-Requested-With: XMLHttpRequest\r\n", http.StatusTooManyRequests},
		{"E06e", "GET", "/order/status", "Accept: text/event-stream\r\n", http.StatusTooManyRequests},
		{"E06f", "GET", "/media/image/4711", "Accept: image/webp,image/png,image/*;q=0.8,*/*;q=0.5\r\n", http.StatusTooManyRequests},
		{"E06 control", "GET", "/product/1", "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n", http.StatusServiceUnavailable},
	} {
		t.Run(c.id, func(t *testing.T) {
			kit.SetLevel(t, e, "loewen", shop.Attack)
			got := ask(t, e, newClient(), c.method, c.target, agent+c.header)
			if got.status != c.status || got.header.Get("X-Theriac-Challenge") == "" {
				t.Errorf("status %d, header %v", got.status, got.header)
			}
			if isPage := strings.Contains(got.body, "<html"); isPage != (c.status == http.StatusServiceUnavailable) || c.id == "E06f" && got.body != "" {
				t.Errorf("%d bytes: %.60s", len(got.body), got.body)
			}
		})
	}
}
