package waf

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// streamer is a shop that echoes messages, tells events one at a time when it
// is told to, and hands out large files in two parts.
type streamer struct {
	kit.Backend
	next chan struct{} // the client has seen what was sent so far
	done atomic.Int64  // events and parts that were sent
}

const (
	events = 20
	first  = 1 << 20
	whole  = 64 << 20
)

func newStreamer(t testing.TB) *streamer {
	t.Helper()
	s := &streamer{next: make(chan struct{})}
	wait := func(r *http.Request) bool {
		select {
		case <-s.next:
			return true
		case <-r.Context().Done():
			return false
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Requests.Add(1)
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		switch r.URL.Path {
		case "/socket":
			w.Header().Del("Content-Type")
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer conn.CloseNow()
			for {
				kind, message, err := conn.Read(r.Context())
				if err != nil {
					return
				}
				if err := conn.Write(r.Context(), kind, message); err != nil {
					return
				}
			}
		case "/events":
			for i := range events {
				_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
				_ = http.NewResponseController(w).Flush()
				s.done.Add(1)
				if !wait(r) {
					return
				}
			}
		case "/file":
			w.Header().Set("Content-Length", strconv.Itoa(whole))
			part := bytes.Repeat([]byte("Aspirin "), first/8)
			_, _ = w.Write(part)
			s.done.Add(1)
			if !wait(r) {
				return
			}
			for range whole/first - 1 {
				_, _ = w.Write(part)
			}
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.Addr = server.Listener.Addr().String()
	return s
}

// watchedAndBlind is an edge with a shop whose answers are inspected, and one
// whose are not.
func watchedAndBlind(t testing.TB, backend string) *edge.Edge {
	t.Helper()
	return edge.Start(t, kit.Global("")+
		kit.Site("watched.localhost:{$PORT}", bare("watched", "responses", backend))+
		kit.Site("blind.localhost:{$PORT}", bare("blind", "", backend)))
}

// TestSocketsAreLeftAlone: what flows over a WebSocket is no request, whatever
// it says.
func TestSocketsAreLeftAlone(t *testing.T) {
	t.Parallel()
	e := watchedAndBlind(t, newStreamer(t).Addr)
	for _, host := range []string{"watched", "blind"} {
		conn, _, err := websocket.Dial(t.Context(), e.URL+"/socket", &websocket.DialOptions{Host: host + ".localhost:" + kit.PortOf(e.Addr)})
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		defer conn.CloseNow()
		for i := range 10_000 {
			message := fmt.Sprintf("%d %s ' OR 1=1 -- ../../etc/passwd", i, script)
			if err := conn.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
				t.Fatalf("%s: message %d: %v", host, i, err)
			}
			if _, got, err := conn.Read(t.Context()); err != nil || string(got) != message {
				t.Fatalf("%s: message %d came back as %q: %v", host, i, got, err)
			}
		}
	}
}

// TestUpgradesAreInspected: a request that opens a WebSocket is one like
// others, one that only claims to do so is read to its end, and one that opens anything
// else is refused.
func TestUpgradesAreInspected(t *testing.T) {
	t.Parallel()
	backend := kit.NewBackend(t)
	e := watchedAndBlind(t, backend.Addr)
	const opens = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	const form = "Content-Type: application/x-www-form-urlencoded\r\n"
	for name, c := range map[string]struct {
		method, target, header, body string
		harmless, harmful            int
	}{
		"an attack in the query":        {"GET", "/socket?q=VALUE", opens + key, "", http.StatusOK, http.StatusForbidden},
		"an attack in a header":         {"GET", "/socket", opens + key + "Referer: http://a.example/?q=VALUE\r\n", "", http.StatusOK, http.StatusForbidden},
		"a form that claims to upgrade": {"POST", "/socket", opens + key + form, "q=VALUE", http.StatusOK, http.StatusForbidden},
		// No GET has a body.
		"a body that claims to upgrade":     {"GET", "/socket", opens + key + form, "q=VALUE", http.StatusForbidden, http.StatusForbidden},
		"a body in pieces":                  {"GET", "/socket", opens + key + form + "Transfer-Encoding: chunked\r\n", "q=VALUE", http.StatusForbidden, http.StatusForbidden},
		"a form that upgrades to something": {"POST", "/", "Connection: Upgrade\r\nUpgrade: h2c\r\n" + form, "q=VALUE", http.StatusBadRequest, http.StatusBadRequest},
	} {
		for value, want := range map[string]int{url.QueryEscape(script): c.harmful, "Aspirin": c.harmless} {
			before := backend.Requests.Load()
			body := strings.ReplaceAll(c.body, "VALUE", value)
			header := c.header
			switch {
			case strings.Contains(header, "chunked"):
				body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
			case body != "":
				header += fmt.Sprintf("Content-Length: %d\r\n", len(body))
			}
			raw := c.method + " " + strings.ReplaceAll(c.target, "VALUE", value) + " HTTP/1.1\r\nHost: blind.localhost:" + kit.PortOf(e.Addr) +
				"\r\nUser-Agent: Mozilla/5.0\r\nAccept: text/html\r\n" + strings.ReplaceAll(header, "VALUE", value) + "\r\n" + body
			status := exchange(t.Context(), e.Addr, "127.0.0.1", c.method, []byte(raw))
			if reached := backend.Requests.Load() != before; status != want || reached != (want == http.StatusOK) {
				t.Errorf("%s, %s: status %d, want %d; reached the shop: %t", name, value, status, want, reached)
			}
		}
	}
}

// stream asks for a stream.
func stream(t testing.TB, e *edge.Edge, host, path string) io.Reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host + ".localhost:" + kit.PortOf(e.Addr)
	request.Header.Set("Accept", "text/html")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s%s: status %d", host, path, response.StatusCode)
	}
	return response.Body
}

// TestEventsArriveOneByOne: each is there before the shop tells the next.
func TestEventsArriveOneByOne(t *testing.T) {
	t.Parallel()
	shop := newStreamer(t)
	e := watchedAndBlind(t, shop.Addr)
	for _, host := range []string{"watched", "blind"} {
		shop.done.Store(0)
		lines := bufio.NewScanner(stream(t, e, host, "/events?type=text/event-stream"))
		for i := range events {
			if !lines.Scan() || lines.Text() != fmt.Sprint("data: ", i) || shop.done.Load() > int64(i+1) {
				t.Fatalf("%s: event %d is %q, and the shop has sent %d", host, i, lines.Text(), shop.done.Load())
			}
			lines.Scan() // the empty line
			shop.next <- struct{}{}
		}
	}
}

// TestPagesAreHeldBack is the control: a page that comes in such pieces is not
// there until it ends, if answers are inspected.
func TestPagesAreHeldBack(t *testing.T) {
	t.Parallel()
	shop := newStreamer(t)
	e := watchedAndBlind(t, shop.Addr)
	go func() {
		for range events {
			time.Sleep(20 * time.Millisecond)
			shop.next <- struct{}{}
		}
	}()
	lines := bufio.NewScanner(stream(t, e, "watched", "/events?type=text/html"))
	if !lines.Scan() || shop.done.Load() != events {
		t.Errorf("a page began when %d of %d pieces were sent: the events prove nothing", shop.done.Load(), events)
	}
}

// TestDownloadsStream: the beginning of a large file is there before the shop
// sends the rest, and all of it arrives.
func TestDownloadsStream(t *testing.T) {
	t.Parallel()
	shop := newStreamer(t)
	e := watchedAndBlind(t, shop.Addr)
	for _, host := range []string{"watched", "blind"} {
		for _, kind := range []string{"application/octet-stream", "application/zip", "text/html"} {
			body := stream(t, e, host, "/file?type="+kind)
			begin := make([]byte, first/2)
			if _, err := io.ReadFull(body, begin); err != nil {
				t.Fatalf("%s, %s: %v", host, kind, err)
			}
			shop.next <- struct{}{}
			n, err := io.Copy(io.Discard, body)
			if err != nil || n+first/2 != whole || !bytes.HasPrefix(begin, []byte("Aspirin Aspirin")) {
				t.Errorf("%s, %s: %d bytes: %v", host, kind, n+first/2, err)
			}
		}
	}
}
