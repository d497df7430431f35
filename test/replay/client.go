package replay

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// newClient returns a loopback address that no other case uses, in a subnet of its own.
func newClient() string {
	n := clients.Add(1)
	return fmt.Sprintf("127.%d.%d.1", 90+n/250, n%250)
}

var clients atomic.Int64

// Headers of the clients.
const (
	agent    = "User-Agent: " + kit.UserAgent + "\r\n"
	browses  = agent + "Accept: text/html,application/xhtml+xml\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: none\r\n"
	scripts  = agent + "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Site: same-origin\r\n"
	machine  = "User-Agent: bot/1.0\r\nAccept: */*\r\n"
	shopHost = "Host: shop.localhost\r\n"
)

// reply is what a client reads.
type reply struct {
	status int
	header http.Header
	body   string
	first  []int // informational statuses before it
}

// isShops reports whether the shop has answered.
func (r *reply) isShops() bool { return strings.Contains(r.body, page) }

// isChallenge reports whether it is a challenge, for a person or a script.
func (r *reply) isChallenge() bool {
	return r.header.Get("X-Theriac-Challenge") != "" || strings.Contains(r.body, `data-token="`)
}

// dial connects to an edge.
func dial(t testing.TB, e *edge.Edge, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", e.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// raw sends bytes and returns the first answer; status 0 if there is none.
func raw(t testing.TB, e *edge.Edge, from, text string) *reply {
	t.Helper()
	conn := dial(t, e, from)
	_, _ = io.WriteString(conn, text) // fails if the edge has refused the first half
	method, _, _ := strings.Cut(text, " ")
	return read(conn, method)
}

func read(conn net.Conn, method string) *reply {
	in, r := bufio.NewReader(conn), new(reply)
	for {
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return r
		}
		if response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			r.first = append(r.first, response.StatusCode)
			continue
		}
		defer response.Body.Close()
		r.status, r.header = response.StatusCode, response.Header
		body, _ := io.ReadAll(response.Body) // as far as it came
		r.body = string(body)
		for name, values := range response.Trailer {
			r.header["Trailer-"+name] = values
		}
		return r
	}
}

// ask sends a request without body for a target as it is written.
func ask(t testing.TB, e *edge.Edge, from, method, target, header string) *reply {
	t.Helper()
	return raw(t, e, from, method+" "+target+" HTTP/1.1\r\n"+shopHost+header+"Connection: close\r\n\r\n")
}

// post sends a form.
func post(t testing.TB, e *edge.Edge, from, target, header, body string) *reply {
	t.Helper()
	return raw(t, e, from, fmt.Sprintf("POST %s HTTP/1.1\r\n%s%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", target, shopHost, header, len(body), body))
}

// shielded is an edge with one shop behind the whole path.
func shielded(t testing.TB, s *strictShop, settings string) *edge.Edge {
	t.Helper()
	return edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, "shield loewen {\n"+kit.Indent(settings, 1)+"}\nshop_backend "+s.addr))
}
