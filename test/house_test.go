// Package test proves the whole edge from outside: real processes, a real
// Redis, real sockets. Each file is one promise. What a test needs of the
// machine it asks of test/need; everything stays on loopback.
package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
)

// backend is a shop that does nothing but count what reaches it.
type backend struct {
	Addr     string
	requests atomic.Int64
}

// newBackend answers with 200; with 401 where the request has a header Fail,
// and with 400 where its body breaks off.
func newBackend(t testing.TB) *backend {
	t.Helper()
	b := new(backend)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		status := http.StatusOK
		if r.Header.Get("Fail") != "" {
			status = http.StatusUnauthorized
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			status = http.StatusBadRequest
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "shop")
	}))
	t.Cleanup(server.Close)
	b.Addr = server.Listener.Addr().String()
	return b
}

// openShop starts a demo shop of its own process's memory.
func openShop(t testing.TB, c demoshop.Config) (s *demoshop.Shop, addr string) {
	t.Helper()
	s, err := demoshop.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return s, server.Listener.Addr().String()
}

// head is the top of every Caddyfile here; settings go into the block of the
// global option shield.
func head(settings string) string {
	return "{\n\tadmin {$ADMIN}\n\tauto_https off\n\tpersist_config off\n\tdefault_bind 127.0.0.1\n" +
		"\tmetrics\n\tshield {\n" + indent(settings, 2) + "\t}\n}\n"
}

// site is one shop behind the edge's address.
func site(host, body string) string {
	return fmt.Sprintf("http://%s {\n%s}\n", host, indent(body, 1))
}

// anyHost is served whatever Host is asked for.
const anyHost = ":{$PORT}"

func indent(text string, tabs int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat("\t", tabs) + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return b.String()
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// get asks for a page; header is "Name: value" lines.
func get(t testing.TB, client *http.Client, url string, header ...string) reply {
	t.Helper()
	return send(t, client, http.MethodGet, url, "", header...)
}

func send(t testing.TB, client *http.Client, method, url, body string, header ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			request.Host = value
			continue
		}
		request.Header.Add(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, url, err)
	}
	return reply{response.StatusCode, response.Header, string(read)}
}

// eventually waits until what is so, and says what it waited for if it is not.
func eventually(t testing.TB, patience time.Duration, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// portOf is the port of an address.
func portOf(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
