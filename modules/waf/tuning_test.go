package waf

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/theriac-edge/theriac/parser"
)

// TestExclusionHolds where it is meant to, and not where a server may read the
// path in another way.
func TestExclusionHolds(t *testing.T) {
	for target, want := range map[string]bool{
		"/admin":                     true,
		"/admin/":                    true,
		"/admin/product?x=1":         true,
		"/admin/l%C3%B6we":           true,
		"/admin_x1/product":          true,
		"/api/product/1":             true,
		"/":                          false,
		"/cart?x=/admin/":            false,
		"/cart/admin/":               false,
		"/Admin/":                    false,
		"/api/products":              false,
		"/admin/../cart":             false,
		"/admin/./x":                 false,
		"/admin//../cart":            false,
		"/admin/..;/cart":            false,
		"/admin/;/../cart":           false,
		"/admin/%2e%2e/cart":         false,
		"/admin/%2E%2E%2Fcart":       false,
		"/admin/%252e%252e/cart":     false,
		"/admin/..%5ccart":           false,
		`/admin/..\cart`:             false,
		"/admin/x%00":                false,
		"//admin/":                   false,
		"http://shop.example/admin/": true,
	} {
		x := Exclusion{Paths: []string{"/admin", "/api/product/"}}
		if got := x.applies(read(t, "POST "+target+" HTTP/1.1\r\nHost: shop.example\r\n\r\n"), new(parser.Table)); got != want {
			t.Errorf("%s: %t, want %t", target, got, want)
		}
	}
	for header, want := range map[string]bool{
		"Content-Type: text/plain\r\n":                                             true,
		"Content-Type: Text/Plain; charset=utf-8\r\n":                              true,
		"Content-Type: text/html\r\n":                                              false,
		"Content-Type: text/plainer\r\n":                                           false,
		"Content-Type: text/plain\r\nContent-Type: application/x-www-form-url\r\n": false,
		"": false,
	} {
		x := Exclusion{ContentTypes: []string{"text/plain"}}
		if got := x.applies(read(t, "POST / HTTP/1.1\r\nHost: shop.example\r\n"+header+"\r\n"), new(parser.Table)); got != want {
			t.Errorf("%q: %t, want %t", header, got, want)
		}
	}
}

// TestExclusionWords: what a Caddyfile says of exclusions.
func TestExclusionWords(t *testing.T) {
	for words, want := range map[string]string{
		"exclude 942100":                      "942100",
		"exclude 942100 ARGS:q":               "942100 ARGS:q",
		"exclude 942100 ARGS:/^Order/":        "942100 ARGS:/^Order/",
		"exclude 941100 ARGS:text /admin/ /b": "941100 ARGS:text /admin/ /b",
		"exclude attack-xss /admin/":          "attack-xss /admin/",
		"exclude 1 2 3":                       "error: want a rule or tag",
		"exclude /admin/":                     "error: want a rule or tag",
		"exclude 942100 NOTHING:q":            "error: invalid target",
		"preset off":                          "bare",
		"preset":                              "error: the only setting is `preset off`",
		"preset on":                           "error: the only setting is `preset off`",
		"preset off now":                      "error: the only setting is `preset off`",
	} {
		h, d := new(Handler), caddyfile.NewTestDispenser("waf {\n"+words+"\n}")
		d.Next()
		got := ""
		switch err := h.UnmarshalSubdirective(d); {
		case err != nil:
			got = err.Error()
		case h.Bare:
			got = "bare"
		default:
			x := h.Exclusions[0]
			got = strings.Join(strings.Fields(x.Rule+" "+x.Target+" "+strings.Join(x.Paths, " ")), " ")
		}
		if fault, ok := strings.CutPrefix(want, "error: "); got != want && !(ok && strings.Contains(got, fault)) {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
	_, _, pattern, err := parseTarget("ARGS:/^Order/")
	if err != nil || !pattern.MatchString("orderremark") {
		t.Errorf("names are compared in lower case, and /^Order/ is not: %v", err)
	}
}

func read(t *testing.T, request string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRenamedFolders: PrestaShop's back office is recognized by what follows its folder, unless
// a field makes a customer's page of the path.
func TestRenamedFolders(t *testing.T) {
	x := &Exclusion{Rule: "941100", Paths: []string{"/*/index.php/sell/"}}
	for target, want := range map[string]bool{
		"/eleno/index.php/sell/catalog/products/5642?_token=x": true,
		"/eleno/index.php/sell/catalog?controller=contact":     false,
		"/eleno/index.php/sell/catalog?fc=module&Module=x":     false,
		"/index.php/sell/catalog":                              false,
		"/a/b/index.php/sell/catalog":                          false,
		"/eleno/index.php/order":                               false,
	} {
		r := read(t, "POST "+target+" HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		if got := x.applies(r, tableOf(t, target, r, "")); got != want {
			t.Errorf("%s: %t, want %t", target, got, want)
		}
	}
}
