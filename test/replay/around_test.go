package replay

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestWaysAround the challenge, by a client that has done no work. At the highest level
// nothing reaches the shop; at level 0 the same request does, unless the firewall refuses it.
func TestWaysAround(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	closed, open := shielded(t, s, ""), shielded(t, s, "")
	kit.SetLevel(t, closed, "loewen", shop.Siege)
	const preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
	for _, c := range []struct {
		id, method, target, header string
		crs                        bool // refused by the firewall as well
	}{
		{"B01", "GET", "/webhook/../search?q=tee", browses, true},
		{"B02", "GET", "/webhook/%2e%2e/search?q=tee", browses, true},
		{"B03", "GET", "/search/x/..%2f..%2fnotify/../?q=tee", browses, true},
		{"B04", "GET", "/search/notify?q=tee", browses, false},
		{"B04 POST", "POST", "/search/webhook", machine + "Content-Length: 0\r\n", false},
		{"B05", "GET", "/index.php/ipn/?cl=search&searchparam=tee", browses, false},
		{"B06", "GET", "/search;a.css?q=tee", browses, false},
		{"B07", "GET", "/search/a.css?q=tee", browses, false},
		{"B08", "GET", "/a.css/../search/.css?q=tee", browses, true},
		{"B09", "GET", "/search%3b.png?q=tee", browses, false},
		{"B10", "HEAD", "/search/.ico?q=tee", browses, false},
		{"B11", "GET", "/checkout%2Fcallback", browses, false},
		{"B12", "GET", "/%2fsearch%2f.js?q=tee", browses, false},
		{"B13", "GET", "/does-not-exist-12345.css", browses, false},
		{"B14", "GET", "/search?q=tee", browses + "X-Original-URL: /a.css\r\nX-Rewrite-URL: /a.css\r\n", false},
		{"B16", "GET", "/search?q=tee", machine + "Upgrade: websocket\r\n", false},
		{"B17", "GET", "/search?q=tee#/webhook", browses, true},
		{"B18", "GET", "http://shop.localhost/search?q=tee", browses, false},
		{"B19", "POST", "/search?q=tee", browses + "X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n", true},
		{"B20", "GET", "/search?q=tee", browses + "Sec-Purpose: prefetch\r\n", false},
		{"B21", "GET", "/search?q=tee", browses + "Range: bytes=0-0\r\n", false},
		{"B22 public", "GET", "/.well-known/x/..;/..;/search", browses, true},
		{"B22 query", "GET", "/sitemap.xml?cl=search&searchparam=tee", browses, false},
		{"B22 folder", "GET", "/search/feed/", browses, false},
		{"B22 override", "OPTIONS", "/search?q=tee", machine + preflight + "X-HTTP-Method-Override: GET\r\n", true},
		{"B22 method", "PATCH", "/search?q=tee", browses + "Content-Length: 0\r\n", false},
	} {
		t.Run(c.id, func(t *testing.T) {
			client, control := newClient(), newClient()
			got := ask(t, closed, client, c.method, c.target, c.header)
			if heard := s.from(client); len(heard) != 0 || got.isShops() {
				t.Errorf("status %d; the shop was asked for %q", got.status, heard[0].line)
			}
			got = ask(t, open, control, c.method, c.target, c.header)
			if arrived := len(s.from(control)) == 1; arrived == c.crs {
				t.Errorf("control at level 0: status %d, reached the shop: %t", got.status, arrived)
			}
		})
	}
}

// TestForgedAddressesOfPages: B15, headers by which IIS and PHP would take another page, at an
// address that passes; and others of their kind. What they are not arrives (control).
func TestForgedAddressesOfPages(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	for id, name := range map[string]string{
		"B15": "X-Original-URL", "B15 Zend": "X-Rewrite-URL", "B15 URI": "X-Original-URI", "B15 forwarded": "X-Forwarded-Uri",
		"B15 Envoy": "X-Envoy-Original-Path", "B15 path": "X-Forwarded-Path", "B15 base": "Base-Url", "B15 override": "X-Override-URL",
		"W02 port": "X-Forwarded-Port", "W02 server": "X-Forwarded-Server", "W02 address": "X-Real-IP", "W02 Forwarded": "Forwarded",
		"W02 Cloudflare": "CF-Connecting-IP", "W02 Cloudflare 6": "CF-Connecting-IPv6", "W02 Akamai": "True-Client-IP",
		"W02 WebLogic": "WL-Proxy-Client-IP", "W02 Azure": "X-Azure-ClientIP", "W02 Fastly": "Fastly-Client-IP", "W02 certificate": "X-SSL-Client-Verify",
		"W02 underscore": "X_Forwarded_For", "W02 dot": "X.Real.IP",
	} {
		t.Run(id, func(t *testing.T) {
			client := newClient()
			got := ask(t, e, client, "GET", "/product/1", browses+name+": /forged\r\nX-Requested-With: control\r\n")
			heard := s.from(client)
			if len(heard) != 1 || !got.isShops() {
				t.Fatalf("status %d; the shop received %d requests", got.status, len(heard))
			}
			if strings.Contains(heard[0].raw, "forged") || !strings.Contains(heard[0].raw, "control") {
				t.Errorf("the shop received\n%s", heard[0].raw)
			}
		})
	}
}

// TestUpgradesAtTheHighestLevel: W30-W33, an address that passes is no tunnel. The control is
// a WebSocket at level 0, which test/wire shows to flow.
func TestUpgradesAtTheHighestLevel(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	kit.SetLevel(t, e, "loewen", shop.Siege)
	for id, offered := range map[string]string{"W30": "h2c", "W31": "foo/1", "W32": "TLS/1.0", "W33": "websocket"} {
		t.Run(id, func(t *testing.T) {
			client := newClient()
			conn := dial(t, e, client)
			_, _ = io.WriteString(conn, "GET /favicon.ico HTTP/1.1\r\n"+shopHost+machine+"Connection: Upgrade\r\nUpgrade: "+offered+
				"\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
			if got := read(conn, "GET"); got.status == http.StatusSwitchingProtocols {
				t.Errorf("status %d", got.status)
			}
			for _, h := range s.from(client) {
				if h.head.Get("Upgrade") != "" {
					t.Errorf("the shop is offered %s", h.head.Get("Upgrade"))
				}
			}
		})
	}
}
