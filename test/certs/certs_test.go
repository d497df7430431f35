// Package certs tests the certificates of a tier: edges behind one address, a real ACME authority,
// a real Redis.
package certs

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) {
	need.Alone()
	m.Run()
}

const authorityFile = `{
	admin {$ADMIN}
	auto_https disable_redirects
	skip_install_trust
}
https://{$ADDR} {
	tls internal
	log
	acme_server {
		challenges http-01
	}
}`

const edgeFile = `{
	admin {$ADMIN}
	http_port %[1]s
	https_port %[2]s
	default_bind 127.0.0.1
	acme_ca https://%[3]s/acme/local/directory
	acme_ca_root %[4]s/root.pem
	email hostmaster@example.org
	storage shield {
		mirror %[4]s/%[1]s
	}
	shield {
		node edge-%[1]s
		secret "a secret that the edges of this test share"
		memory 4MiB
		redis redis://%[5]s {
			deadline 1s
		}
	}
}
http://{$ADDR} {
	respond ok
}
`

// tier is three edges behind one address.
type tier struct {
	dir         string
	authority   *edge.Edge
	redis       *need.RedisServer
	names       []string
	edges       []*edge.Edge
	http, https [3]string // the edges' addresses
}

func newTier(t *testing.T, names int) *tier {
	s := &tier{dir: t.TempDir(), redis: need.Redis(t)}
	for i := range names {
		s.names = append(s.names, fmt.Sprintf("shop%d.example", i))
	}
	for i := range s.http {
		s.http[i], s.https[i] = need.Addr(t), need.Addr(t)
	}
	front := httptest.NewServer(s.spread())
	t.Cleanup(front.Close)
	s.authority = edge.Start(t, authorityFile, "HTTP_PROXY="+front.URL)
	var ca struct {
		Root string `json:"root_certificate"`
	}
	s.authority.Get(t, "/pki/ca/local", &ca)
	if err := os.WriteFile(filepath.Join(s.dir, "root.pem"), []byte(ca.Root), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// spread is the proxy by which the authority asks the tier: each question goes to the next edge,
// as with ECMP.
func (s *tier) spread() http.Handler {
	var next atomic.Int64
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Host = s.http[next.Add(1)%3]
		r.Out.Host = r.In.Host
	}}
}

// start starts all edges, with these names.
func (s *tier) start(t *testing.T, names ...string) {
	s.edges = nil
	for i := range s.http {
		var file strings.Builder
		fmt.Fprintf(&file, edgeFile, port(s.http[i]), port(s.https[i]), s.authority.Addr, s.dir, s.redis.Addr)
		for _, name := range names {
			fmt.Fprintf(&file, "%s {\n\trespond ok\n}\n", name)
		}
		s.edges = append(s.edges, edge.Start(t, file.String()))
	}
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// serials returns the serial numbers of the certificates that the edges serve, "" for none, by
// name and edge.
func (s *tier) serials() (all map[string][3]string) {
	all = map[string][3]string{}
	for _, name := range s.names {
		var three [3]string
		for i, addr := range s.https {
			dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Second}, Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}}
			conn, err := dialer.Dial("tcp", addr)
			if err != nil {
				continue
			}
			three[i] = conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
			conn.Close()
		}
		all[name] = three
	}
	return all
}

// obtained is how many certificates the edges have obtained.
func (s *tier) obtained() (n int) {
	for _, e := range s.edges {
		n += strings.Count(e.Log(), "certificate obtained successfully")
	}
	return n
}

// TestOneCertificateForEachName: three edges that start at once get one of each, and serve the
// same. Then the store dies, and edges that start again serve them, and ask for nothing.
func TestOneCertificateForEachName(t *testing.T) {
	s := newTier(t, 9) // CertMagic orders ten in ten seconds
	s.start(t, s.names...)
	var were map[string][3]string
	sample.Within(t, time.Minute, "all edges serve the same certificates", func() bool {
		were = s.serials()
		for _, three := range were {
			if three[0] == "" || three[0] != three[1] || three[0] != three[2] {
				return false
			}
		}
		return true
	})
	if got := s.obtained(); got != len(s.names) {
		t.Errorf("%d certificates were ordered for %d names", got, len(s.names))
	}

	s.redis.Kill()
	for _, e := range s.edges {
		e.Kill()
	}
	asked := strings.Count(s.authority.Log(), "handled request")
	if asked == 0 {
		t.Error("the authority logs no requests: that none comes would not be seen")
	}
	s.start(t, append(s.names, "late.example")...)
	sample.Within(t, 20*time.Second, "the edges serve what they did", func() bool {
		for name, three := range s.serials() {
			if three != were[name] {
				return false
			}
		}
		return true
	})
	if now := strings.Count(s.authority.Log(), "handled request"); now != asked {
		t.Errorf("without the store the edges have asked the authority %d times", now-asked)
	}
	s.redis.Restart()
	s.names = append(s.names, "late.example")
	sample.Within(t, time.Minute, "the name that is new has a certificate when the store is back", func() bool {
		three := s.serials()["late.example"]
		return three[0] != "" && three[0] == three[1] && three[0] == three[2]
	})
	if got := s.obtained(); got != 1 {
		t.Errorf("%d certificates were ordered when the store was back", got)
	}
}
