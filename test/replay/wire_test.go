package replay

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestSpellingsOfALogin: a zone counts the page in each spelling that a shop takes for it. The
// control is another page.
func TestSpellingsOfALogin(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "limit login {\n\tmatch {\n\t\tpath /account/login\n\t\tmethod POST\n\t}\n\trate 3/h\n}")
	for _, c := range []struct {
		id, target string
		passes     bool
	}{
		{"L01", "/account/login", false},
		{"L02", "/account//login", false},
		{"L03", "/ACCOUNT/Login", false},
		{"L04", "/account/%6cogin", false},
		{"L05", "/account/./login", false},
		{"L06", "/x/../account/login", false},
		{"L07", "/account/login/", false},
		{"L08", "/account/login;a=1", false},
		{"L08 first", "/account;a=1/login", false},
		{"L09", "/account/login%20", false},
		{"L09 tabulator", "/account/login%09", false},
		{"L09 dot", "/account/login.", false},
		{"L10", "/account%2flogin", false},
		{"L11", "/index.php/account/login", false},
		{"L11 Shopware", "/shopware.php/account/login/", false},
		{"L12", "/account/login%00", false},
		{"L13", "/account/login?x", false},
		{"L14", "//account/login", false},
		{"L15", "/account/login%2f", false},
		{"L16 backslash", "/account%5clogin", false},
		{"L17 twice", "/account/%256cogin", false},
		{"control", "/account/logins", true},
	} {
		t.Run(c.id, func(t *testing.T) {
			client := newClient()
			for range 5 {
				post(t, e, client, c.target, machine+"Content-Type: application/x-www-form-urlencoded\r\n", "u=1")
			}
			if got := len(s.from(client)); got > 3 != c.passes {
				t.Errorf("%d of 5 have reached the shop", got)
			}
		})
	}
}

// TestWhatTheShopIsAskedFor is what was sent, byte for byte, or nothing.
func TestWhatTheShopIsAskedFor(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	for _, c := range []struct{ id, raw, want string }{
		{"W01", "GET /page HTTP/1.1\r\n" + shopHost + machine + "Connection: close, X-Forwarded-For, x-forwarded-proto, X-Forwarded-Host, Host, Cookie\r\nCookie: a=b\r\n\r\n", "/page"},
		{"W10", "OPTIONS * HTTP/1.1\r\n" + shopHost + machine + "Connection: close\r\n\r\n", ""},
		{"W12", "CONNECT shop.localhost:443 HTTP/1.1\r\nHost: shop.localhost\r\n" + machine + "\r\n", ""},
		{"W14", "GET http://shop.localhost/page HTTP/1.1\r\nHost: other.localhost\r\n" + machine + "Connection: close\r\n\r\n", "/page"},
		{"W15", "GET /page HTTP/1.1\r\nHost: SHOP.LOCALHOST\r\n" + machine + "Connection: close\r\n\r\n", "/page"},
		{"W17", "GET /page HTTP/1.1\r\nHost: shop.localhost:443\r\n" + machine + "Connection: close\r\n\r\n", "/page"},
		{"W19", "GET /a%2Fb/c%20d/%E4%F6?q=%2F HTTP/1.1\r\n" + shopHost + machine + "Connection: close\r\n\r\n", "/a%2Fb/c%20d/%E4%F6?q=%2F"},
		{"W20", "GET //double//slash/x HTTP/1.1\r\n" + shopHost + machine + "Connection: close\r\n\r\n", "//double//slash/x"},
		{"W20 dots", "GET /a/../x HTTP/1.1\r\n" + shopHost + machine + "Connection: close\r\n\r\n", ""},
		{"W21", "GET /page?a=1;b=2&c[]=3&d=%zz HTTP/1.1\r\n" + shopHost + machine + "Connection: close\r\n\r\n", "/page?a=1;b=2&c[]=3&d=%zz"},
	} {
		t.Run(c.id, func(t *testing.T) {
			client := newClient()
			got := raw(t, e, client, c.raw)
			heard := s.from(client)
			switch {
			case c.want == "" && (len(heard) != 0 || got.isShops()):
				t.Errorf("status %d; the shop was asked for %q", got.status, heard[0].line)
			case c.want != "" && (len(heard) != 1 || heard[0].target() != c.want):
				t.Errorf("status %d; the shop received %+v, want %s", got.status, heard, c.want)
			case c.id == "W01" && (heard[0].head.Get("X-Forwarded-Proto") == "" || heard[0].head.Get("X-Forwarded-Host") == ""):
				t.Errorf("the shop received\n%s", heard[0].raw)
			}
		})
	}
}

// TestNothingIsSmuggled: a second request reaches the shop as the edge has seen it, or not at
// all. The control goes past the edge, and is noticed.
func TestNothingIsSmuggled(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: shop.localhost\r\nX: y\r\n\r\n"
	length := "Content-Length: " + strconv.Itoa(len(hidden)) + "\r\n"
	begin := "POST /page HTTP/1.1\r\n" + shopHost + machine
	chunks := "\r\n0\r\n\r\n" + hidden
	for _, c := range []struct{ id, raw string }{
		{"S01", begin + length + "Transfer-Encoding: chunked\r\n" + chunks},
		{"S02", begin + "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n" + chunks},
		{"S03", begin + "Transfer-Encoding:\x0bchunked\r\nContent-Length: 4\r\n" + chunks},
		{"S04", begin + "Transfer-Encoding : chunked\r\nContent-Length: 4\r\n" + chunks},
		{"S05", begin + "Transfer-Encoding: identity, chunked\r\n" + chunks},
		{"S06", begin + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" + chunks},
		{"S07", begin + "Content-Length: +4\r\n\r\nabcd" + hidden},
		{"S08", begin + "Content-Length: 4, 4\r\n\r\nabcd" + hidden},
		{"S09", begin + "Transfer-Encoding: chunked\r\n\r\n4;ext=\"\n\"\r\nabcd\r\n0\r\n\r\n" + hidden},
		{"S10", begin + "Transfer-Encoding: chunked\r\n\r\n4\nabcd\n0\n\n" + hidden},
		{"S11", begin + "Expect: 100-continue\r\nContent-Length: 4\r\n\r\nabcd" + hidden},
		{"S12", begin + "Expect: y 100-continue\r\nContent-Length: 4\r\n\r\nabcd" + hidden},
		{"S13", "GET /page HTTP/1.1\r\n" + shopHost + machine + length + "\r\n" + hidden},
		{"S14", "HEAD /page HTTP/1.1\r\n" + shopHost + machine + length + "\r\n" + hidden},
		{"S15", begin + "Content-Length: 0\r\n" + length + "\r\n" + hidden},
		{"S16", begin + " Transfer-Encoding: chunked\r\nContent-Length: 4\r\n" + chunks},
		{"S17", "GET /page HTTP/1.1\r\n" + shopHost + machine + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 777\r\n\r\n" + hidden},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			client := newClient()
			raw(t, e, client, c.raw)
			time.Sleep(100 * time.Millisecond) // what is hidden comes after the answer
			if got := smuggled(s, client); got != "" {
				t.Errorf("the shop received\n%s", got)
			}
		})
	}
	t.Run("control", func(t *testing.T) {
		naked := openShop(t, nil)
		conn, err := net.Dial("tcp", naked.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, begin+"Content-Length: 4\r\n\r\nabcd"+hidden)
		kit.Eventually(t, 5*time.Second, "the hidden request is noticed", func() bool { return smuggled(naked, "") != "" })
	})
}

// smuggled returns a request that the shop has not received from the edge as one of its own.
func smuggled(s *strictShop, client string) string {
	for _, h := range append(s.from(""), s.from(client)...) {
		if h.target() == "/smuggled" && h.head.Get("X-Forwarded-Host") == "" {
			return h.raw
		}
	}
	return ""
}

// TestHostsOfOneShop: H01, no spelling of a host has a limit of its own.
func TestHostsOfOneShop(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "limit client {\n\trate 1/h\n\tburst 2\n}")
	client := newClient()
	var got []int
	for _, host := range []string{"apotheke-1.localhost", "APOTHEKE-1.LOCALHOST", "Apotheke-2.localhost", "apotheke-299.LOCALHOST."} {
		got = append(got, raw(t, e, client, "GET /page HTTP/1.1\r\nHost: "+host+"\r\n"+machine+"Connection: close\r\n\r\n").status)
	}
	if !slices.Equal(got, []int{200, 200, http.StatusTooManyRequests, http.StatusTooManyRequests}) {
		t.Errorf("H01: %v", got)
	}
}
