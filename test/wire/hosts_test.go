package wire

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/caddyfiles"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// twoShops is an edge with two shops behind TLS and, as shipped, a site for all other
// hosts.
func twoShops(t testing.TB, gate, others string) *secureEdge {
	t.Helper()
	cert := &kit.Authority{Dir: t.TempDir()}
	cert.Sign(t, "authority")
	cert.Sign(t, host)
	roots := x509.NewCertPool()
	roots.AddCert(cert.Cert)
	e := &secureEdge{addr: need.Addr(t), trust: &tls.Config{RootCAs: roots, ServerName: host}}
	backend := kit.NewBackend(t).Addr
	site := func(name, body string) string {
		return fmt.Sprintf("https://%s:%s {\n\ttls %s %s\n%s}\n", name, kit.PortOf(e.addr), filepath.Join(cert.Dir, host+".pem"),
			filepath.Join(cert.Dir, host+".key"), kit.Indent(body, 1))
	}
	rest := ""
	if others != "" {
		rest = site("", others)
	}
	e.Edge = edge.Start(t, withServers(kit.Global("secret "+kit.Secret), kit.Gate("listener_wrappers", gate, "tls\n"))+
		kit.Site(kit.AnyHost, "respond 204")+
		site(host, "shield loewen\nshop_backend "+backend)+site("sonnen.localhost", "shield sonnen\nshop_backend "+backend)+rest)
	return e
}

// misdirected returns what the shipped configuration answers for hosts that no shop has.
func misdirected(t testing.TB) string {
	t.Helper()
	shipped, err := caddyfiles.Files.ReadFile("edge.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(shipped), "\nhttps:// {\n")
	body, _, ok := strings.Cut(rest, "\n}\n")
	if !ok {
		t.Fatal("the shipped configuration has no site for other hosts")
	}
	return body
}

// line is one connection of a client.
type line struct {
	net.Conn
	in *bufio.Reader
}

func (e *secureEdge) connect(t testing.TB, from string) (*line, error) {
	t.Helper()
	dialer := &tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}, Config: e.trust}
	conn, err := dialer.DialContext(t.Context(), "tcp", e.addr)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return &line{conn, bufio.NewReader(conn)}, conn.SetDeadline(time.Now().Add(20 * time.Second))
}

// ask asks for a page of a host and returns the status.
func (l *line) ask(host string) (int, error) {
	if _, err := fmt.Fprintf(l, "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: text/html\r\n\r\n", host, kit.UserAgent); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// closed reports whether the edge has closed the connection.
func (l *line) closed() bool {
	_, err := l.in.ReadByte()
	return errors.Is(err, io.EOF)
}

// TestHostsThatNoShopHas are told so, and their connection ends, so that a gate counts the
// next. The control: without that site Caddy answers 200 for ever.
func TestHostsThatNoShopHas(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	e := twoShops(t, kit.NoGate, misdirected(t))
	bare := twoShops(t, kit.NoGate, "")
	for name, want := range map[string]int{
		"no-such-shop.example": 421, "127.0.0.1": 421, host + ".": 308, strings.ToUpper(host) + ".:443": 308,
	} {
		l, err := e.connect(t, "127.62.0.1")
		if err != nil {
			t.Fatal(err)
		}
		if status, err := l.ask(host); status != http.StatusOK {
			t.Errorf("the shop: status %d, %v", status, err)
		}
		if status, err := l.ask("sonnen.localhost"); status != http.StatusOK {
			t.Errorf("another shop over the same connection: status %d, %v", status, err)
		}
		if status, err := l.ask(name); status != want || !l.closed() {
			t.Errorf("Host %s: status %d, %v; want %d and the end", name, status, err, want)
		}
		if l, err = bare.connect(t, "127.62.0.1"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if status, err := l.ask(name); status != http.StatusOK {
				t.Errorf("Host %s without that site: status %d, %v; want Caddy's empty 200", name, status, err)
			}
		}
	}
}

// TestBansHoldForAllHosts: a banned client is refused before TLS, whatever it asks for.
// One that has a connection already gets one answer from a host that no shop has, and
// none from a shop. Without a gate, that is all that holds.
func TestBansHoldForAllHosts(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const bad = "127.62.1.1"
	for name, gate := range map[string]string{"with a gate": "", "without": kit.NoGate} {
		e := twoShops(t, gate, misdirected(t))
		var kept []*line
		for range 3 {
			l, err := e.connect(t, bad)
			if err != nil {
				t.Fatal(err)
			}
			if status, err := l.ask(host); status != http.StatusOK {
				t.Fatalf("%s, before the ban: status %d, %v", name, status, err)
			}
			kept = append(kept, l)
		}
		if said, err := kit.Shield(t, e.Edge, "ban", bad, "--for", "10m"); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		for i, asked := range []string{"no-such-shop.example", host, "sonnen.localhost"} {
			want := http.StatusTooManyRequests
			if i == 0 {
				want = http.StatusMisdirectedRequest
			}
			ends := gate != kit.NoGate || i == 0 // a ban ends connections where a gate refuses the next one
			if status, err := kept[i].ask(asked); err == nil && (status != want || ends && !kept[i].closed()) {
				t.Errorf("%s, Host %s over a connection that it had: status %d, want %d, and the end %t", name, asked, status, want, ends)
			}
			l, err := e.connect(t, bad)
			if gate != kit.NoGate {
				if err == nil {
					t.Errorf("%s: a banned client has connected", name)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if status, err := l.ask(asked); status != want || ends && !l.closed() {
				t.Errorf("%s, Host %s: status %d, %v; want %d, and the end %t", name, asked, status, err, want, ends)
			}
		}
		l, err := e.connect(t, "127.62.1.2")
		if err != nil {
			t.Fatal(err)
		}
		if status, err := l.ask(host); status != http.StatusOK {
			t.Errorf("%s, another client: status %d, %v", name, status, err)
		}
	}
}
