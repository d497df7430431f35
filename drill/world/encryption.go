package world

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/theriac-edge/theriac/drill/child"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// An encryption is the certificate of all shops of a run. Nobody else trusts it, and it
// ends with the run.
type encryption struct {
	file  string // certificate and key
	roots *x509.CertPool
}

func newEncryption(dir string, shops []scenario.Shop) (*encryption, error) {
	draft := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "drill"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, p := range shops {
		draft.DNSNames = append(draft.DNSNames, p.Name+".localhost")
	}
	fail := func(err error) (*encryption, error) { return nil, fmt.Errorf("making a certificate: %w", err) }
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, key.Public(), key)
	if err != nil {
		return fail(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(err)
	}
	var both bytes.Buffer
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := pem.Encode(&both, block); err != nil {
			return fail(err)
		}
	}
	e := &encryption{file: filepath.Join(dir, "shops.pem"), roots: x509.NewCertPool()}
	e.roots.AppendCertsFromPEM(both.Bytes())
	if err := os.WriteFile(e.file, both.Bytes(), 0o600); err != nil {
		return fail(err)
	}
	return e, nil
}

// around speaks TLS on the way of customers.
func (e *encryption) around(dial load.Dial, shop string) load.Dial {
	config := &tls.Config{RootCAs: e.roots, ServerName: shop + ".localhost"}
	return func(ctx context.Context, from netip.Addr) (net.Conn, error) {
		conn, err := dial(ctx, from)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, load.AnswerTimeout)
		defer cancel()
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secure, nil
	}
}

// Secure reports whether customers come by TLS.
func (w *World) Secure() bool { return w.encryption != nil }

// TLS is how a client trusts a host of this world; nil if it speaks no TLS.
func (w *World) TLS(host string) *tls.Config {
	if w.encryption == nil {
		return nil
	}
	return &tls.Config{RootCAs: w.roots, ServerName: host}
}

// QUIC says where datagrams from an address arrive; nil if nobody speaks it: shops
// do not.
func (w *World) QUIC() func(from netip.Addr) netip.AddrPort {
	if w.encryption == nil || w.front == nil {
		return nil
	}
	return func(from netip.Addr) netip.AddrPort {
		if e := w.front.edgeOf(from); e != nil {
			return e.addr
		}
		return netip.AddrPort{}
	}
}

// secureShop is how a shop speaks TLS itself, where nothing is in front of it.
func (w *World) secureShop() (args []string, secure netip.AddrPort, err error) {
	if w.encryption == nil || w.Kind == Shield {
		return nil, secure, nil
	}
	addr, err := child.FreeAddr()
	if err != nil {
		return nil, secure, err
	}
	return []string{"--secure", addr, "--certificate", w.file}, netip.MustParseAddrPort(addr), nil
}

// cookiePrefix begins the names of the edge's cookies.
func (w *World) cookiePrefix() string {
	if w.Secure() {
		return "__Host-"
	}
	return ""
}

// servers are the gates and timeouts of the configuration that we ship, see
// caddyfiles/edge.Caddyfile; only that here attackers come from loopback.
const servers = `	servers {
		listener_wrappers {
			shop_gate
			tls
		}
		packet_conn_wrappers {
			shop_gate
		}
		timeouts {
			read_header 10s
			read_body_idle 15s 1024
			read_body 5m
			write_idle 30s 1024
			idle 2m
		}
		max_header_size 16KiB
		protocols h1 h2 h3
	}
`

// siteParts are what an edge's configuration says of TLS.
func (w *World) siteParts() (scheme, global, site string) {
	if w.encryption == nil {
		return "http", "", ""
	}
	return "https", servers, fmt.Sprintf("\ttls %s %s\n", w.file, w.file)
}
