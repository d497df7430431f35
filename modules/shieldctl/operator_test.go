package shieldctl

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/audit"
)

// TestOperatorOf: what is said of a sender whom the kernel does not know.
func TestOperatorOf(t *testing.T) {
	tcp := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	for about, c := range map[string]struct {
		local  net.Addr
		remote string
		want   string
	}{
		"a unix socket, to be asked later": {&net.UnixAddr{Name: "/run/s", Net: "unix"}, "@", ""},
		"no server at all":                 {nil, "127.0.0.1:1", ""},
		"a client here that has gone":      {tcp, "127.0.0.1:1", audit.Unknown},
		"a client elsewhere":               {tcp, "192.0.2.9:40000", audit.Unknown + " at 192.0.2.9"},
		"something else":                   {tcp, "somewhere", audit.Unknown},
	} {
		r := httptest.NewRequest(http.MethodPost, "/shield/level", nil)
		r.RemoteAddr = c.remote
		if c.local != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.local))
		}
		if got := operatorOf(r); got != c.want {
			t.Errorf("%s: %q, want %q", about, got, c.want)
		}
	}
}

// TestHolderOf: a name cannot pretend to be a user, or fill the line.
func TestHolderOf(t *testing.T) {
	for name, want := range map[string]string{
		"alice":                  `certificate "alice" sha256:`,
		"root\n":                 `certificate "root\n" sha256:`,
		"":                       `certificate "" sha256:`,
		strings.Repeat("x", 500): `certificate "` + strings.Repeat("x", 65) + ` sha256:`,
	} {
		cert := &x509.Certificate{Raw: []byte(name), Subject: pkix.Name{CommonName: name}}
		r := httptest.NewRequest(http.MethodPost, "/shield/level", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
		if got := operatorOf(r); !strings.HasPrefix(got, want) || len(got) != len(want)+16 {
			t.Errorf("%.20q: %q, want %q and 16 digits", name, got, want)
		}
	}
}
