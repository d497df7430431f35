package gate

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// gated is an edge with one shop behind TLS, HTTP/3 as well, and a gate with
// these settings before it.
type gated struct {
	*edge.Edge
	secure string // the address for TLS and QUIC
	trust  *tls.Config
	config func(tcp, quic string) string
}

func startGated(t testing.TB, backend, tcp, quic string) *gated {
	t.Helper()
	g := newGated(t, backend)
	g.Edge = edge.Start(t, g.config(tcp, quic))
	return g
}

func newGated(t testing.TB, backend string) *gated {
	t.Helper()
	cert := &kit.Authority{Dir: t.TempDir()}
	cert.Sign(t, "authority")
	cert.Sign(t, "loewen.localhost")
	roots := x509.NewCertPool()
	roots.AddCert(cert.Cert)
	g := &gated{secure: need.Addr(t), trust: &tls.Config{RootCAs: roots, ServerName: "loewen.localhost"}}
	g.config = func(tcp, quic string) string {
		shop := func(id string) string {
			return "shield " + id + " {\n\tlimit client off\n\tlimit subnet off\n\tlimit pages off\n}\nshop_backend " + backend + "\n"
		}
		servers := "\tservers {\n" + kit.Gate("listener_wrappers", tcp, "tls\n") + kit.Gate("packet_conn_wrappers", quic, "") + "\t}\n"
		return strings.Replace(kit.Global("secret "+kit.Secret), "\tshield {", servers+"\tshield {", 1) + kit.Site(kit.AnyHost, shop("sonnen")) +
			fmt.Sprintf("https://:%s {\n\ttls %s %s\n%s}\n", kit.PortOf(g.secure), filepath.Join(cert.Dir, "loewen.localhost.pem"),
				filepath.Join(cert.Dir, "loewen.localhost.key"), kit.Indent(shop("loewen"), 1))
	}
	return g
}

// dial opens a TCP connection from an address.
func dial(t testing.TB, from, to string) (net.Conn, error) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(t.Context(), "tcp", to)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// isReset reports whether an error is that of a connection that the gate has
// refused: reset, without a byte of TLS.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// knock opens a connection and asks for a page by TLS, and leaves it open.
func (g *gated) knock(t testing.TB, from string) (*tls.Conn, error) {
	t.Helper()
	conn, err := dial(t, from, g.secure)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	secure := tls.Client(conn, g.trust)
	return secure, ask(secure)
}

// ask sends a request and reads its answer.
func ask(conn net.Conn) error {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nUser-Agent: "+kit.UserAgent+"\r\nAccept: text/html\r\n\r\n"); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// three is a client of HTTP/3 at an address of its own, with one connection.
func (g *gated) three(t testing.TB, from string) *http.Client {
	t.Helper()
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)})
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: udp}
	client := &http3.Transport{
		TLSClientConfig: g.trust.Clone(),
		QUICConfig:      &quic.Config{HandshakeIdleTimeout: 2 * time.Second, MaxIdleTimeout: 3 * time.Second},
		Dial: func(ctx context.Context, addr string, trust *tls.Config, config *quic.Config) (*quic.Conn, error) {
			to, err := net.ResolveUDPAddr("udp", addr)
			if err != nil {
				return nil, err
			}
			return transport.Dial(ctx, to, trust, config)
		},
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = transport.Close()
		_ = udp.Close()
	})
	return &http.Client{Transport: client, Timeout: 5 * time.Second}
}

func (g *gated) asksThree(t testing.TB, client *http.Client) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+g.secure+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "loewen.localhost"
	request.Header.Set("User-Agent", kit.UserAgent)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// came counts what the gate before TLS, or QUIC, made of the connections that came.
func (g *gated) came(t testing.TB, series, outcome string) int {
	t.Helper()
	network := "tcp"
	if series == "quic" {
		network = "udp"
	}
	return kit.Metric(t, g.Edge, fmt.Sprintf("theriac_gate_%s_total{listener=\"%s/%s\",mode=\"on\",outcome=%q}", series, network, g.secure, outcome))
}

// TestGateRefusesTheBanned: reset before any byte of TLS, also over plain HTTP,
// and dropped over QUIC, connections that stand included, while others buy.
func TestGateRefusesTheBanned(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := kit.NewBackend(t)
	g := startGated(t, shop.Addr, "", "")
	const bad, good = "127.40.0.1", "127.40.0.2"
	three, others := g.three(t, bad), g.three(t, good)
	for _, from := range []string{bad, good} {
		if _, err := g.knock(t, from); err != nil {
			t.Fatalf("%s, before anybody is banned: %v", from, err)
		}
	}
	for _, client := range []*http.Client{three, others} {
		if err := g.asksThree(t, client); err != nil {
			t.Fatalf("over HTTP/3, before anybody is banned: %v", err)
		}
	}
	if said, err := kit.Shield(t, g.Edge, "ban", bad, "--for", "10m"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, addr := range []string{g.secure, g.Addr} {
		conn, err := dial(t, bad, addr)
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(5 * time.Second))
		}
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		if !isReset(err) {
			t.Errorf("a banned client at %s: %v, want a reset", addr, err)
		}
	}
	if err := g.asksThree(t, three); err == nil {
		t.Error("a banned client was answered over HTTP/3, on the connection that it had")
	}
	if _, err := g.knock(t, good); err != nil {
		t.Errorf("a client beside the banned one: %v", err)
	}
	if err := g.asksThree(t, others); err != nil {
		t.Errorf("a client beside the banned one, over HTTP/3: %v", err)
	}
	if tcp, udp := g.came(t, "connections", "banned"), g.came(t, "quic", "banned"); tcp != 1 || udp == 0 {
		t.Errorf("%d connections and %d datagrams of banned clients counted, want 1 and some", tcp, udp)
	}
	if said, err := kit.Shield(t, g.Edge, "unban", bad); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if _, err := g.knock(t, bad); err != nil {
		t.Errorf("after the ban: %v", err)
	}
	if err := g.asksThree(t, g.three(t, bad)); err != nil {
		t.Errorf("over HTTP/3, after the ban: %v", err)
	}
}

// TestBannedFinishTLSWithoutAGate is the control: without it a banned client is
// refused by HTTP alone, after a handshake.
func TestBannedFinishTLSWithoutAGate(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	for name, shadow := range map[string]string{"no gate": kit.NoGate, "shadow": "shadow\n"} {
		g := startGated(t, kit.NewBackend(t).Addr, shadow, shadow)
		if said, err := kit.Shield(t, g.Edge, "ban", "127.40.1.1", "--for", "10m"); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		if _, err := g.knock(t, "127.40.1.1"); err == nil || err.Error() != "status 429" {
			t.Errorf("%s: %v, want status 429", name, err)
		}
		if err := g.asksThree(t, g.three(t, "127.40.1.1")); err == nil || err.Error() != "status 429" {
			t.Errorf("%s, over HTTP/3: %v, want status 429", name, err)
		}
		if name == "shadow" && kit.Metric(t, g.Edge, fmt.Sprintf("theriac_gate_connections_total{listener=\"tcp/%s\",mode=\"shadow\",outcome=\"banned\"}", g.secure)) != 1 {
			t.Error("shadow counted nobody")
		}
	}
}
