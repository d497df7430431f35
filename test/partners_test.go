package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/need"
)

const partnerSecret = "sixteen-bytes-or-more"

// TestPartnersPassByProof: each with a budget of its own, while the shop's
// limit refuses everybody else.
func TestPartnersPassByProof(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := newBackend(t)
	e := edge.Start(t, head("")+site(anyHost, `shield loewen {
	limit total {
		key shop
		rate 1/h
	}
	exempt paypal {
		match path /payment/*
		from 127.5.0.0/16
		rate 1/h
		burst 3
	}
	exempt erp {
		match path /api/*
		header X-Api-Key `+partnerSecret+`
		rate 1/h
		burst 2
	}
}
header >X-Partner "{http.shield.partner}"
shop_backend `+shop.Addr))
	get(t, http.DefaultClient, e.URL) // takes the shop's only token
	for _, c := range []struct {
		what, from, path, key string
		want                  int
		partner               string
	}{
		{"paypal", "127.5.0.1", "/payment/x", "", 200, "paypal"},
		{"paypal from another of its addresses", "127.5.9.9", "/payment/x", "", 200, "paypal"},
		{"paypal on a path that is not its", "127.5.0.1", "/search", "", 429, ""},
		{"somebody else at paypal's path", "127.6.0.1", "/payment/x", "", 429, ""},
		{"erp", "127.6.0.2", "/api/orders", partnerSecret, 200, "erp"},
		{"a wrong key", "127.6.0.2", "/api/orders", partnerSecret + "x", 429, ""},
		{"half of the key", "127.6.0.2", "/api/orders", partnerSecret[:8], 429, ""},
		{"no key", "127.6.0.2", "/api/orders", "", 429, ""},
		{"erp again", "127.6.0.3", "/api/orders", partnerSecret, 200, "erp"},
		{"erp beyond its budget", "127.6.0.3", "/api/orders", partnerSecret, 429, "erp"},
		{"paypal, whose budget is its own", "127.5.0.1", "/payment/x", "", 200, "paypal"},
		{"paypal beyond its budget", "127.5.0.1", "/payment/x", "", 429, "paypal"},
	} {
		header := []string{"Accept: */*"}
		if c.key != "" {
			header = append(header, "X-Api-Key: "+c.key)
		}
		got := get(t, edge.From(c.from), e.URL+c.path, header...)
		if got.status != c.want {
			t.Errorf("%s: status %d, want %d", c.what, got.status, c.want)
		}
		if partner := got.header.Get("X-Partner"); got.status == http.StatusOK && partner != c.partner {
			t.Errorf("%s: taken for partner %q, want %q", c.what, partner, c.partner)
		}
	}
}

// authority signs certificates for this test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

// sign writes name.pem and name.key and returns the pair; without an authority
// it makes one.
func (a *authority) sign(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: a.cert == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if a.cert == nil {
		a.cert, a.key = draft, key
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert == draft {
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for file, content := range map[string][]byte{name + ".pem": certPEM, name + ".key": keyPEM} {
		if err := os.WriteFile(filepath.Join(a.dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// TestPartnerByClientCertificate: a certificate that the site's authority
// signed, with the partner's name; nobody else's.
func TestPartnerByClientCertificate(t *testing.T) {
	t.Parallel()
	shop := newBackend(t)
	ours, theirs := &authority{dir: t.TempDir()}, &authority{dir: t.TempDir()}
	ours.sign(t, "authority")
	ours.sign(t, "loewen.localhost")
	theirs.sign(t, "authority")
	at := func(file string) string { return filepath.Join(ours.dir, file) }
	e := edge.Start(t, head("")+"https://loewen.localhost:{$PORT} {\n"+indent(`tls `+at("loewen.localhost.pem")+" "+at("loewen.localhost.key")+` {
	client_auth {
		mode verify_if_given
		trust_pool file `+at("authority.pem")+`
	}
}
shield loewen {
	limit total {
		key shop
		rate 1/h
	}
	exempt erp {
		client_certificate erp.example
		rate 1/h
		burst 2
	}
}
shop_backend `+shop.Addr, 1)+"}\n")
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	ask := func(certificates ...tls.Certificate) (int, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "loewen.localhost", Certificates: certificates}}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+e.Addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "loewen.localhost:" + portOf(e.Addr)
		response, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(request)
		if err != nil {
			return 0, err
		}
		response.Body.Close()
		return response.StatusCode, nil
	}
	erp, other, forged := ours.sign(t, "erp.example"), ours.sign(t, "other.example"), theirs.sign(t, "erp.example")
	for _, c := range []struct {
		what        string
		certificate []tls.Certificate
		want        int
	}{
		{"the shop's only token", nil, 200},
		{"nobody", nil, 429},
		{"the partner", []tls.Certificate{erp}, 200},
		{"somebody with a certificate of another name", []tls.Certificate{other}, 429},
		{"the partner again", []tls.Certificate{erp}, 200},
		{"the partner beyond its budget", []tls.Certificate{erp}, 429},
	} {
		if got, err := ask(c.certificate...); got != c.want {
			t.Errorf("%s: status %d (%v), want %d", c.what, got, err, c.want)
		}
	}
	if got, err := ask(forged); err == nil && got == http.StatusOK {
		t.Errorf("a certificate of another authority: status %d", got)
	}
}
