package need

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// certificate writes a certificate for 127.0.0.1 that is its own authority,
// with its key, and returns what a client needs to trust it and to show it.
func certificate(t testing.TB, certFile, keyFile string) *tls.Config {
	t.Helper()
	must := func(doing string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s the certificate of a test server: %v", doing, err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must("making the key of", err)
	draft := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "theriac test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, key.Public(), key)
	must("signing", err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must("encoding the key of", err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	must("writing", os.WriteFile(certFile, certPEM, 0o600))
	must("writing the key of", os.WriteFile(keyFile, keyPEM, 0o600))
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	must("pairing", err)
	trust := x509.NewCertPool()
	if !trust.AppendCertsFromPEM(certPEM) {
		t.Fatal("reading the certificate of a test server back failed")
	}
	return &tls.Config{RootCAs: trust, ServerName: "127.0.0.1", Certificates: []tls.Certificate{pair}}
}
