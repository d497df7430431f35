package gate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// recorder keeps what a client sends.
type recorder struct {
	net.Conn
	sent []byte
}

func (r *recorder) Write(p []byte) (int, error) {
	r.sent = append(r.sent, p...)
	return r.Conn.Write(p)
}

// identity is a certificate for an unused name.
func identity(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// spoken is what a real client sends: in its handshake, and in all with a
// request after it.
func spoken(t testing.TB, client, server *tls.Config) (handshake int, all []byte) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = c.Read(make([]byte, 100))
			c.Close()
		}
		served <- err
	}()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	r := &recorder{Conn: ours}
	c := tls.Client(r, client)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	handshake = len(r.sent)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return handshake, r.sent
}

// endOf is after how many bytes the handshakeSniffer ends, fed in pieces of this size.
func endOf(sent []byte, piece int) int {
	var o handshakeSniffer
	for at := 0; at < len(sent); {
		end := min(at+piece, len(sent))
		if o.finished(sent[at:end]) {
			return end
		}
		at = end
	}
	return -1
}

// TestHandshakesEnd by what real clients send: with TLS 1.3 when the client has
// finished, with a second ClientHello, with a certificate of its own, and with
// TLS 1.2 at its request.
func TestHandshakesEnd(t *testing.T) {
	id := identity(t)
	server := func(max uint16, groups ...tls.CurveID) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{id}, MaxVersion: max, CurvePreferences: groups}
	}
	client := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{id}}
	asking := server(tls.VersionTLS13)
	asking.ClientAuth = tls.RequireAnyClientCert
	for name, c := range map[string]struct {
		server     *tls.Config
		by, before bool // ends by the handshake's end, or before it
	}{
		"TLS 1.3":                           {server(tls.VersionTLS13), true, false},
		"TLS 1.3, another group asked for":  {server(tls.VersionTLS13, tls.CurveP521), true, false},
		"TLS 1.3, a client's certificate":   {asking, true, true},
		"TLS 1.2, whose Finished is hidden": {server(tls.VersionTLS12), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			handshake, all := spoken(t, client, c.server)
			end := endOf(all, 1)
			switch {
			case c.before && (end <= 0 || end >= handshake):
				t.Errorf("ends after %d bytes of %d", end, handshake)
			case c.by && !c.before && end != handshake:
				t.Errorf("ends after %d bytes, the handshake after %d", end, handshake)
			case !c.by && (end <= handshake || end > len(all)):
				t.Errorf("ends after %d bytes; the handshake after %d, the request after %d", end, handshake, len(all))
			}
			for _, piece := range []int{2, 5, 7, 100, len(all)} {
				if got := endOf(all, piece); got < end || got > end+piece {
					t.Errorf("in pieces of %d it ends after %d bytes, by single bytes after %d", piece, got, end)
				}
			}
			if got := endOf(all[:end-1], 1); got != -1 {
				t.Errorf("ends after %d of %d bytes", got, end)
			}
		})
	}
}

func TestHeadersEnd(t *testing.T) {
	for sent, want := range map[string]bool{
		"":                                           false,
		"GET / HTTP/1.1\r\nHost: a\r\n":              false,
		"GET / HTTP/1.1\r\nHost: a\r\n\r":            false,
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":          true,
		"GET / HTTP/1.1\nHost: a\n\n":                true,
		"POST / HTTP/1.1\r\nA: b\r\n\r\nbody":        true,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":           true,
		"\x16\x03\x01\x00\x02ab":                     false,
		"\x16\x03\x01\x00\x02ab\x17\x03\x03":         false,
		"\x16\x03\x01\x00\x01a\x17\x03\x03\x00":      false,
		"\x16\x03\x01\x00\x01a\x17\x03\x03\x00\x01x": true,
	} {
		for _, piece := range []int{1, 3, 1000} {
			if got := endOf([]byte(sent), piece) >= 0; got != want {
				t.Errorf("%q in pieces of %d: ends %t, want %t", sent, piece, got, want)
			}
		}
	}
}

func FuzzOpening(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), 3)
	f.Add([]byte("\x16\x03\x01\x00\x01a\x17\x03\x03\x00\x01x"), 1)
	f.Fuzz(func(t *testing.T, sent []byte, piece int) {
		piece = max(1, min(piece, 100))
		one, many := endOf(sent, 1), endOf(sent, piece)
		if one < 0 != (many < 0) || one >= 0 && (many < one || many >= one+piece) {
			t.Errorf("by single bytes it ends after %d, in pieces of %d after %d", one, piece, many)
		}
	})
}

// TestDeadlines: until the handshake has finished no deadline can be later than the
// gate's; then the one holds that was set last.
func TestDeadlines(t *testing.T) {
	// The deadlines are a second apart, so that a busy machine confuses none.
	const gates, tolerance = 2 * time.Second, 800 * time.Millisecond
	for name, c := range map[string]struct {
		sends string
		set   func(net.Conn, time.Time) error
		at    time.Duration // after the beginning; 0 is never
		want  time.Duration // 0 is beyond all of them
	}{
		"the server sets none":             {"", func(net.Conn, time.Time) error { return nil }, 0, gates},
		"the server takes it away":         {"", net.Conn.SetReadDeadline, 0, gates},
		"a later one":                      {"", net.Conn.SetDeadline, time.Minute, gates},
		"an earlier one":                   {"", net.Conn.SetReadDeadline, gates / 2, gates / 2},
		"half a header, a later one":       {"GET / HT", net.Conn.SetReadDeadline, time.Minute, gates},
		"a header, then none":              {"GET / HTTP/1.1\r\n\r\n", net.Conn.SetReadDeadline, 0, 0},
		"a header, then a later one":       {"GET / HTTP/1.1\r\n\r\n", net.Conn.SetDeadline, 2 * gates, 2 * gates},
		"a header, and a later one before": {"GET / HTTP/1.1\r\n\r\n", nil, 2 * gates, 2 * gates},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, func(g *Gate) { g.HandshakeTimeout = caddy.Duration(gates) })
			l, in := open(t, g)
			ours := dialFrom(t, "127.3.0.1", l)
			conn := <-in
			began := time.Now()
			var at time.Time
			if c.at > 0 {
				at = began.Add(c.at)
			}
			if c.set == nil {
				if err := conn.SetReadDeadline(at); err != nil {
					t.Fatal(err)
				}
			}
			if c.sends != "" {
				if _, err := io.WriteString(ours, c.sends); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(conn, make([]byte, len(c.sends))); err != nil {
					t.Fatal(err)
				}
			}
			if c.set != nil {
				if err := c.set(conn, at); err != nil {
					t.Fatal(err)
				}
			}
			timer := time.AfterFunc(3*gates, func() { ours.Close() })
			defer timer.Stop()
			late := make(chan time.Duration, 1) // by how much the machine is, whatever it waits for
			time.AfterFunc(time.Until(began.Add(c.want)), func() { late <- time.Since(began) - c.want })
			_, err := conn.Read(make([]byte, 1))
			took := time.Since(began)
			if c.want == 0 && err != io.EOF {
				t.Errorf("ended after %s: %v", took, err)
			}
			if c.want > 0 && (took < c.want-tolerance || took > c.want+tolerance+<-late) {
				t.Errorf("ended after %s (%v), want %s", took, err, c.want)
			}
		})
	}
}
