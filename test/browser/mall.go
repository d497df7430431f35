// Package browser walks through shops with a real browser while they are under
// attack: a customer must be able to do all that customers do.
package browser

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// A mall is an edge with the limits that we ship, and the shops behind it as
// a browser finds them: loewen.example, sonnen.example.
type mall struct {
	t      testing.TB
	edge   *edge.Edge
	scheme string
	certs  *kit.Authority
	shops  map[shop.ID]*recorder
}

// A recorder is a shop that keeps what was posted to it.
type recorder struct {
	*demoshop.Shop
	addr string

	mu    sync.Mutex
	posts []posted
}

// posted is one POST as it arrived.
type posted struct {
	path, contentType, body string
}

// names lets a browser find the mall, and every other host, on loopback.
const names = "host-resolver-rules=MAP * 127.0.0.1"

// A plan says how a mall differs from two demo shops over HTTP.
type plan struct {
	scheme string // default: http

	// Lines of the Caddyfile: among the global options, in the shield's, in
	// the shield of each shop, and beside it.
	options, settings, words, rest string

	// What stands there instead of the demo shop loewen, alone, and names of more
	// hosts of it, such as api.loewen.
	instead http.Handler
	also    []string
}

// openMall starts the edge and what is behind it.
func openMall(t testing.TB, p plan) *mall {
	t.Helper()
	s := &mall{t: t, scheme: cmp.Or(p.scheme, "http"), certs: &kit.Authority{Dir: t.TempDir()}, shops: map[shop.ID]*recorder{}}
	var sites strings.Builder
	for _, c := range []demoshop.Config{demoshop.Loewen(), demoshop.Sonnen()} {
		n := new(recorder)
		switch {
		case p.instead == nil:
			n.Shop = newDemoshop(t, c)
			n.open(t, n.Shop)
		case c.Slug == "loewen":
			n.open(t, p.instead)
		default:
			continue
		}
		s.shops[shop.ID(c.Slug)] = n
		sites.WriteString(s.site(append([]string{c.Slug}, p.also...), fmt.Sprintf("shield %s {\n\tname %q\n\tphone %q\n\timprint /impressum\n%s}\nshop_backend %s\n%s",
			c.Slug, c.Name, c.Phone, kit.Indent(p.words, 1), n.addr, p.rest)))
	}
	s.edge = edge.Start(t, s.head(p)+sites.String())
	return s
}

// head is the top of the Caddyfile.
func (s *mall) head(p plan) string {
	return strings.Replace(kit.Global("secret "+kit.Secret+"\n"+p.settings), "\tmetrics\n", "\tmetrics\n"+kit.Indent(p.options, 1), 1)
}

// site is one shop of the Caddyfile. Over TLS it has a certificate from the start.
func (s *mall) site(names []string, body string) string {
	var hosts, addresses []string
	for _, name := range names {
		hosts = append(hosts, name+".example")
		addresses = append(addresses, fmt.Sprintf("%s://%s.example:{$PORT}", s.scheme, name))
	}
	if s.scheme == "https" {
		file := filepath.Join(s.certs.Dir, hosts[0])
		s.certs.Sign(s.t, hosts[0], hosts[1:]...)
		body = fmt.Sprintf("tls %s.pem %s.key\n%s", file, file, body)
	}
	return fmt.Sprintf("%s {\n%s}\n", strings.Join(addresses, ", "), kit.Indent(body, 1))
}

// at is the address of a shop's page.
func (s *mall) at(id shop.ID, path string) string {
	return fmt.Sprintf("%s://%s.example:%s%s", s.scheme, id, kit.PortOf(s.edge.Addr), path)
}

// pass is the name of the cookie.
func (s *mall) pass() string {
	if s.scheme == "https" {
		return "__Host-theriac"
	}
	return "theriac"
}

func (s *mall) level(level shop.Level) {
	s.t.Helper()
	for id := range s.shops {
		kit.SetLevel(s.t, s.edge, id, level)
	}
}

func newDemoshop(t testing.TB, c demoshop.Config) *demoshop.Shop {
	t.Helper()
	s, err := demoshop.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// open has the shop listen.
func (n *recorder) open(t testing.TB, shop http.Handler) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			n.mu.Lock()
			n.posts = append(n.posts, posted{r.URL.Path, r.Header.Get("Content-Type"), string(body)})
			n.mu.Unlock()
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		shop.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	n.addr = server.Listener.Addr().String()
}

// to returns what was posted to a path.
func (n *recorder) to(path string) (posts []posted) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.posts {
		if p.path == path {
			posts = append(posts, p)
		}
	}
	return posts
}
