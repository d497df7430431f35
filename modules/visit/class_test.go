package visit

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		method, path string
		header       http.Header
		want         shop.Class
	}{
		{"GET", "/", nil, shop.Page},
		{"GET", "", nil, shop.Page},
		{"GET", "/product/4711", nil, shop.Page},
		{"GET", "/search", nil, shop.Search},
		{"GET", "/de/Suche/ibuprofen", nil, shop.Search},
		{"POST", "/cart", nil, shop.Cart},
		{"POST", "/warenkorb/add", nil, shop.Cart},
		{"POST", "/checkout", nil, shop.Checkout},
		{"POST", "//checkout", nil, shop.Checkout},
		{"GET", "/index.php/kasse/adresse", nil, shop.Checkout},
		{"POST", "/prescription", nil, shop.Checkout},
		{"GET", "/account/login", nil, shop.Account},
		{"POST", "/payment/callback", nil, shop.Callback},
		{"POST", "/wp-json/paypal/v1/webhook", nil, shop.Callback},
		{"GET", "/api/products", nil, shop.API},
		{"POST", "/store-api/checkout/cart", nil, shop.API},
		{"HEAD", "/favicon.ico", nil, shop.Public},
		{"POST", "/checkout.css", nil, shop.Page},
		{"GET", "/checkout/style.css", nil, shop.Checkout}, // whether it is an asset, the shop has to show
		{"GET", "/product/a.b", nil, shop.Page},
		{"GET", "/cardlink", http.Header{"Upgrade": {"WebSocket"}}, shop.Socket},
		{"GET", "/cardlink", nil, shop.Page},
		{"GET", strings.Repeat("/x", 10_000) + "/checkout", nil, shop.Page},
		{"GET", "/" + strings.Repeat("x", 100_000), nil, shop.Page},
		{"GET", "/\xff\xfe/\x00", nil, shop.Page},
		{"OPTIONS", "*", nil, shop.Page},
	} {
		r := &http.Request{Method: c.method, URL: &url.URL{Path: c.path}, Header: c.header}
		if got := classOf(r); got != c.want {
			t.Errorf("%s %.60q is of class %s, want %s", c.method, c.path, got, c.want)
		}
	}
}

func TestClassOfCostsNoAllocation(t *testing.T) {
	r := &http.Request{Method: "GET", URL: &url.URL{Path: "/de/Produkte/Ibuprofen-400"}, Header: http.Header{}}
	if n := testing.AllocsPerRun(100, func() { classOf(r) }); n != 0 {
		t.Errorf("a class costs %v allocations, want 0", n)
	}
}
