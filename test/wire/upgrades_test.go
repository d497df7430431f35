package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// agreeable is a shop that changes to whatever protocol it is offered, and notes each
// request and what comes behind it.
type agreeable struct {
	addr string
	mu   sync.Mutex
	got  []http.Header
	then []string
}

func newAgreeable(t testing.TB) *agreeable {
	t.Helper()
	s := new(agreeable)
	s.addr = kit.Listen(t, s.serve)
	return s
}

func (s *agreeable) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.got = append(s.got, r.Header)
		s.mu.Unlock()
		offered := r.Header.Get("Upgrade")
		if offered == "" {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nshop")
			continue
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", offered)
		line, _ := in.ReadString('\n') // empty if the connection ends
		s.mu.Lock()
		s.then = append(s.then, line)
		s.mu.Unlock()
		_, _ = io.WriteString(conn, "tunnelled "+line)
		return
	}
}

// last returns the header of the last request, and how many came.
func (s *agreeable) last() (http.Header, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.got) == 0 {
		return nil, 0
	}
	return s.got[len(s.got)-1], len(s.got)
}

// raw sends a request from an address and returns the connection with its answer.
func raw(t testing.TB, from, to, request string) (net.Conn, *bufio.Reader, int) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, in, response.StatusCode
}

// TestOnlyWebSocketsAreTunnelled: another upgrade is ignored, and the shop answers the
// request as if it had not been offered. The controls: a WebSocket, and what the shop
// names.
func TestOnlyWebSocketsAreTunnelled(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := newAgreeable(t)
	e := edge.Start(t, kit.Global("")+
		kit.Site("plain.localhost:{$PORT}", "shop_visit plain\nshop_backend "+shop.addr)+
		kit.Site("named.localhost:{$PORT}", "shop_visit named\nshop_backend "+shop.addr+" {\n\tupgrades foo/1 opc-ua\n\tflush_interval -1\n}"))
	const two = "foo/1\r\nUpgrade: websocket"
	for _, c := range []struct {
		host, upgrade string
		want          int
	}{
		{"plain", "websocket", 101},
		{"plain", "WebSocket", 101},
		{"plain", "h2c", 200},
		{"plain", "foo/1", 200},
		{"plain", "TLS/1.0", 200},
		{"plain", "websocket, h2c", 200},
		{"plain", two, 200},
		{"named", "websocket", 101},
		{"named", "FOO/1", 101},
		{"named", "opc-ua", 101},
		{"named", "h2c", 200},
		{"named", two, 200},
	} {
		conn, in, status := raw(t, "127.61.0.1", e.Addr, "GET /favicon.ico HTTP/1.1\r\nHost: "+c.host+".localhost:"+kit.PortOf(e.Addr)+
			"\r\nUser-Agent: x\r\nAccept: */*\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+c.upgrade+
			"\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		if status != c.want {
			t.Errorf("%s, Upgrade: %s: status %d, want %d", c.host, c.upgrade, status, c.want)
			continue
		}
		header, _ := shop.last()
		if got := header.Get("Upgrade"); (got != "") != (c.want == 101) {
			t.Errorf("%s, Upgrade: %s: the shop is offered %q", c.host, c.upgrade, got)
		}
		if c.want == 101 {
			_, _ = io.WriteString(conn, "hello\n")
			if line, _ := in.ReadString('\n'); line != "tunnelled hello\n" {
				t.Errorf("%s, Upgrade: %s: nothing flows: %q", c.host, c.upgrade, line)
			}
		}
	}
}

// TestNoTunnels: a shop is no proxy.
func TestNoTunnels(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := newAgreeable(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "shop_visit plain\nshop_backend "+shop.addr))
	if _, _, status := raw(t, "127.61.0.2", e.Addr, "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"); status != http.StatusNotImplemented {
		t.Errorf("CONNECT: status %d, want 501", status)
	}
	if _, n := shop.last(); n != 0 {
		t.Error("CONNECT reached the shop")
	}
}

// forged is what only a proxy may say, as sent.
const forged = "X-Real-IP: 192.0.2.66\r\nForwarded: for=192.0.2.66;host=evil.example\r\nTrue-Client-IP: 192.0.2.66\r\n" +
	"CF-Connecting-IP: 192.0.2.66\r\nX-Client-IP: 192.0.2.66\r\nX-Cluster-Client-IP: 192.0.2.66\r\nClient-IP: 192.0.2.66\r\n" +
	"X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: evil.example\r\n" +
	"X-Forwarded-Port: 192.0.2.66\r\nX-Forwarded-Prefix: /evil.example\r\nX-Forwarded-Server: evil.example\r\n" +
	"X-Forwarded-Scheme: evil.example\r\nX-Original-URL: /evil.example\r\nX-Rewrite-URL: /evil.example\r\nX-Host: evil.example\r\n" +
	"X_Forwarded_For: 192.0.2.66\r\n"

// TestForgedHeadersDoNotArrive: what a stranger says in a proxy's name. The controls: a
// proxy that is trusted, and other headers.
func TestForgedHeadersDoNotArrive(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := newAgreeable(t)
	e := edge.Start(t, withServers(kit.Global(""), "\t\ttrusted_proxies static 127.61.1.1/32\n\t\ttrusted_proxies_strict\n")+
		kit.Site(kit.AnyHost, "shop_visit plain\nshop_backend "+shop.addr+" {\n\theader_up X-Real-IP {client_ip}\n}"))
	heard := func(from string) (found []string) {
		t.Helper()
		_, _, status := raw(t, from, e.Addr, "GET /page HTTP/1.1\r\nHost: shop.localhost\r\nUser-Agent: x\r\nAccept: */*\r\nX-Requested-With: XMLHttpRequest\r\n"+forged+"\r\n")
		header, _ := shop.last()
		if status != http.StatusOK || header.Get("X-Requested-With") == "" {
			t.Errorf("%s: status %d, header %v", from, status, header)
		}
		for name, values := range header {
			if all := strings.Join(values, " "); strings.Contains(all, "192.0.2.66") || strings.Contains(all, "evil.example") {
				found = append(found, name)
			}
		}
		return found
	}
	if got := heard("127.61.1.2"); len(got) != 0 {
		t.Errorf("the shop hears from a stranger: %v", got)
	}
	if header, _ := shop.last(); header.Get("X-Real-IP") != "127.61.1.2" || header.Get("X-Forwarded-For") != "127.61.1.2" {
		t.Errorf("the shop does not learn the stranger's address: %v", header)
	}
	if got := heard("127.61.1.1"); len(got) < 15 {
		t.Errorf("the shop hears from a trusted proxy only: %v", got)
	}
}
