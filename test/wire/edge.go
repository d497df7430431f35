package wire

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// host is the name of the shop behind TLS.
const host = "wire.localhost"

// secureEdge is an edge with one shop behind TLS and QUIC.
type secureEdge struct {
	*edge.Edge
	url   string
	addr  string // for TLS and QUIC
	trust *tls.Config
}

// startSecure starts it with options of its servers and the site's body.
func startSecure(t testing.TB, servers, body string, env ...string) *secureEdge {
	t.Helper()
	cert := &kit.Authority{Dir: t.TempDir()}
	cert.Sign(t, "authority")
	cert.Sign(t, host)
	roots := x509.NewCertPool()
	roots.AddCert(cert.Cert)
	e := &secureEdge{addr: need.Addr(t), trust: &tls.Config{RootCAs: roots, ServerName: host}}
	e.url = "https://" + e.addr
	e.Edge = edge.Start(t, withServers(kit.Global("secret "+kit.Secret), servers)+kit.Site(kit.AnyHost, "respond 204")+
		fmt.Sprintf("https://:%s {\n\ttls %s %s\n%s}\n", kit.PortOf(e.addr), filepath.Join(cert.Dir, host+".pem"),
			filepath.Join(cert.Dir, host+".key"), kit.Indent(body, 1)), env...)
	return e
}

// withServers adds options of all servers to the global options.
func withServers(global, options string) string {
	if options == "" {
		return global
	}
	return strings.Replace(global, "\tshield {", "\tservers {\n"+options+"\t}\n\tshield {", 1)
}
