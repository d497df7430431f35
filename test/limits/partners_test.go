package limits

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestPartnersPassByProof: each with a budget of its own, while the shop's
// limit refuses everybody else.
func TestPartnersPassByProof(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, `shield loewen {
	limit total {
		key shop
		rate 1/h
	}
	partner paypal {
		match path /payment/*
		from 127.5.0.0/16
		rate 1/h
		burst 3
	}
	partner erp {
		match path /api/*
		header X-Api-Key `+kit.PartnerSecret+`
		rate 1/h
		burst 2
	}
}
header >X-Partner "{http.shield.partner}"
shop_backend `+shop.Addr))
	kit.Get(t, http.DefaultClient, e.URL) // takes the shop's only token
	for _, c := range []struct {
		what, from, path, key string
		want                  int
		partner               string
	}{
		{"paypal", "127.5.0.1", "/payment/x", "", 200, "paypal"},
		{"paypal from another of its addresses", "127.5.9.9", "/payment/x", "", 200, "paypal"},
		{"paypal on a path that is not its", "127.5.0.1", "/search", "", 429, ""},
		{"somebody else at paypal's path", "127.6.0.1", "/payment/x", "", 429, ""},
		{"erp", "127.6.0.2", "/api/orders", kit.PartnerSecret, 200, "erp"},
		{"a wrong key", "127.6.0.2", "/api/orders", kit.PartnerSecret + "x", 429, ""},
		{"half of the key", "127.6.0.2", "/api/orders", kit.PartnerSecret[:8], 429, ""},
		{"no key", "127.6.0.2", "/api/orders", "", 429, ""},
		{"erp again", "127.6.0.3", "/api/orders", kit.PartnerSecret, 200, "erp"},
		{"erp beyond its budget", "127.6.0.3", "/api/orders", kit.PartnerSecret, 429, "erp"},
		{"paypal, whose budget is its own", "127.5.0.1", "/payment/x", "", 200, "paypal"},
		{"paypal beyond its budget", "127.5.0.1", "/payment/x", "", 429, "paypal"},
	} {
		header := []string{"Accept: */*"}
		if c.key != "" {
			header = append(header, "X-Api-Key: "+c.key)
		}
		got := kit.Get(t, edge.From(c.from), e.URL+c.path, header...)
		if got.Status != c.want {
			t.Errorf("%s: status %d, want %d", c.what, got.Status, c.want)
		}
		if partner := got.Header.Get("X-Partner"); got.Status == http.StatusOK && partner != c.partner {
			t.Errorf("%s: taken for partner %q, want %q", c.what, partner, c.partner)
		}
	}
}

// TestPartnerByClientCertificate: a certificate that the site's authority
// signed, with the partner's name; nobody else's.
func TestPartnerByClientCertificate(t *testing.T) {
	t.Parallel()
	shop := kit.NewBackend(t)
	ours, theirs := &kit.Authority{Dir: t.TempDir()}, &kit.Authority{Dir: t.TempDir()}
	ours.Sign(t, "authority")
	ours.Sign(t, "loewen.localhost")
	theirs.Sign(t, "authority")
	at := func(file string) string { return filepath.Join(ours.Dir, file) }
	e := edge.Start(t, kit.Global("")+"https://loewen.localhost:{$PORT} {\n"+kit.Indent(`tls `+at("loewen.localhost.pem")+" "+at("loewen.localhost.key")+` {
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
	partner erp {
		client_certificate erp.example
		rate 1/h
		burst 2
	}
}
shop_backend `+shop.Addr, 1)+"}\n")
	roots := x509.NewCertPool()
	roots.AddCert(ours.Cert)
	ask := func(certificates ...tls.Certificate) (int, error) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "loewen.localhost", Certificates: certificates}}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+e.Addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "loewen.localhost:" + kit.PortOf(e.Addr)
		response, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(request)
		if err != nil {
			return 0, err
		}
		response.Body.Close()
		return response.StatusCode, nil
	}
	erp, other, forged := ours.Sign(t, "erp.example"), ours.Sign(t, "other.example"), theirs.Sign(t, "erp.example")
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
