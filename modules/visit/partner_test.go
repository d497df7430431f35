package visit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/modules/shield"
)

const secret = "0123456789abcdef"

func TestPartnersProveWhoTheyAre(t *testing.T) {
	net := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	mapped := []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}
	header := &HeaderProof{Name: "X-Key", Value: secret}
	both := &HeaderProof{Name: "X-Key", Value: secret + "\n" + secret + "!\n"}
	verified := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{
		Subject: pkix.Name{CommonName: "erp"}, DNSNames: []string{"erp.example"},
	}}}}
	claimed := &tls.ConnectionState{PeerCertificates: verified.VerifiedChains[0]}
	for _, c := range []struct {
		says    string
		partner Partner
		addr    string
		key     string
		tls     *tls.ConnectionState
		want    bool
	}{
		{"an address in the prefix", Partner{From: net}, "192.0.2.9", "", nil, true},
		{"an IPv6 address in the prefix", Partner{From: net}, "2001:db8::9", "", nil, true},
		{"an address outside", Partner{From: net}, "198.51.100.1", "", nil, false},
		{"an IPv4 prefix in IPv6 form", Partner{From: mapped}, "192.0.2.9", "", nil, true},
		{"an address outside of one", Partner{From: mapped}, "192.0.3.9", "", nil, false},
		{"no address", Partner{From: net}, "", "", nil, false},
		{"the right secret", Partner{Header: header}, "198.51.100.1", secret, nil, true},
		{"a wrong secret", Partner{Header: header}, "198.51.100.1", secret + "!", nil, false},
		{"the first of two", Partner{Header: both}, "198.51.100.1", secret, nil, true},
		{"the second of two", Partner{Header: both}, "198.51.100.1", secret + "!", nil, true},
		{"neither of two", Partner{Header: both}, "198.51.100.1", secret + "?", nil, false},
		{"no secret", Partner{Header: header}, "198.51.100.1", "", nil, false},
		{"address without secret where both are asked", Partner{From: net, Header: header}, "192.0.2.9", "", nil, false},
		{"secret without address where both are asked", Partner{From: net, Header: header}, "198.51.100.1", secret, nil, false},
		{"both where both are asked", Partner{From: net, Header: header}, "192.0.2.9", secret, nil, true},
		{"a verified certificate", Partner{ClientCertificate: "erp"}, "198.51.100.1", "", verified, true},
		{"its DNS name", Partner{ClientCertificate: "erp.example"}, "198.51.100.1", "", verified, true},
		{"another one's certificate", Partner{ClientCertificate: "bank"}, "198.51.100.1", "", verified, false},
		{"an unverified certificate", Partner{ClientCertificate: "erp"}, "198.51.100.1", "", claimed, false},
		{"no TLS", Partner{ClientCertificate: "erp"}, "198.51.100.1", "", nil, false},
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		defer cancel()
		p := c.partner
		if err := p.provision(ctx, new(shield.App), "loewen"); err != nil {
			t.Fatalf("%s: %v", c.says, err)
		}
		r := &http.Request{Header: http.Header{}, TLS: c.tls}
		if c.key != "" {
			r.Header.Set("X-Key", c.key)
		}
		addr, _ := netip.ParseAddr(c.addr)
		if got := p.proves(r, addr); got != c.want {
			t.Errorf("%s: proven is %v, want %v", c.says, got, c.want)
		}
	}
}

func TestPartnersWithoutProofAreRefused(t *testing.T) {
	if err := (&Partner{Burst: 1}).validate(); err == nil || !strings.Contains(err.Error(), "missing proof") {
		t.Errorf("a partner without proof: %v", err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	for value, want := range map[string]string{"short": "at least 16", "{env.THERIAC_NOT_SET}": "THERIAC_NOT_SET"} {
		p := Partner{Header: &HeaderProof{Name: "X-Key", Value: value}}
		if err := p.provision(ctx, new(shield.App), "loewen"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a header secret of %q: %v; want %q", value, err, want)
		}
	}
}

func TestShopsReportHoldsNoSecret(t *testing.T) {
	h := &Handler{Partners: []*Partner{{Name: "erp", Header: &HeaderProof{Name: "X-Key", Value: secret}}}}
	if got := h.withoutSecrets().Partners[0].Header.Value; got != "(hidden)" {
		t.Errorf("operators see %q", got)
	}
	if h.Partners[0].Header.Value != secret {
		t.Error("hiding the secret lost it")
	}
}
