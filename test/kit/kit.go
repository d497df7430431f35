// Package kit is what the packages below test share: shops to stand behind an edge,
// the Caddyfile of one, visitors to send to it, and what an edge reports of itself.
// A helper that only one package needs lives there.
package kit

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

// Backend is a shop that does nothing but count what reaches it.
type Backend struct {
	Addr     string
	Requests atomic.Int64
}

// NewBackend answers with 200; with 401 where the request has a header Fail,
// and with 400 where its body breaks off.
func NewBackend(t testing.TB) *Backend {
	t.Helper()
	b := new(Backend)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.Requests.Add(1)
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

// OpenShop starts a demo shop in this process.
func OpenShop(t testing.TB, c demoshop.Config) (s *demoshop.Shop, addr string) {
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

// Global is the global options block of a test's Caddyfile; settings go into the
// block of shield. Tests set levels themselves, unless the settings say how edges watch.
func Global(settings string) string {
	if !strings.Contains(settings, "watch ") {
		settings = "watch shadow\n" + settings
	}
	return "{\n\tadmin {$ADMIN}\n\tauto_https off\n\tpersist_config off\n\tdefault_bind 127.0.0.1\n" +
		"\tmetrics\n\tshield {\n" + Indent(settings, 2) + "\t}\n}\n"
}

// Site is one shop behind the edge's address.
func Site(host, body string) string {
	return fmt.Sprintf("http://%s {\n%s}\n", host, Indent(body, 1))
}

// AnyHost is served whatever Host is asked for.
const AnyHost = ":{$PORT}"

// Indent indents each line of a text, and drops empty ones.
func Indent(text string, tabs int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat("\t", tabs) + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return b.String()
}

// Reply is an answer read to its end.
type Reply struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a page; header is "Name: value" lines.
func Get(t testing.TB, client *http.Client, url string, header ...string) Reply {
	t.Helper()
	return Send(t, client, http.MethodGet, url, "", header...)
}

// Send sends a request; header is "Name: value" lines.
func Send(t testing.TB, client *http.Client, method, url, body string, header ...string) Reply {
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
	return Reply{response.StatusCode, response.Header, string(read)}
}

// Eventually waits until what is so, and says what it waited for if it is not.
func Eventually(t testing.TB, patience time.Duration, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// PortOf is the port of an address.
func PortOf(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// NoGate stands for the settings of a gate that is not there.
const NoGate = "-"

// Gate is a listener wrapper with a gate and more, below a server option such as
// "listener_wrappers".
func Gate(option, settings, more string) string {
	if settings == NoGate {
		return ""
	}
	return Indent(option+" {\n\tshop_gate {\n"+Indent(settings, 2)+"\t}\n"+Indent(more, 1)+"}\n", 2)
}
