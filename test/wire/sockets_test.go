//lint:file-ignore SA1019 http.Transport, which replaces http2.Transport, refuses the header :protocol

package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"

	"github.com/theriac-edge/theriac/test/kit"
)

// talker is a shop whose WebSocket repeats messages until it is told to end.
type talker struct {
	addr        string
	open, ended atomic.Int64
}

func newTalker(t testing.TB) *talker {
	t.Helper()
	s := new(talker)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		s.open.Add(1)
		defer s.ended.Add(1)
		defer conn.CloseNow()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if string(message) == "end" {
				conn.Close(websocket.StatusNormalClosure, "")
				return
			}
			if err := conn.Write(r.Context(), kind, message); err != nil {
				return
			}
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.addr = server.Listener.Addr().String()
	return s
}

// socket is a WebSocket that a test has opened by an extended CONNECT.
type socket struct {
	*bufio.Reader
	send  *io.PipeWriter
	close func()
}

// opener sends an extended CONNECT, with a body that is not over.
type opener func(ctx context.Context, url string, body io.Reader) (*http.Response, error)

// openers are clients of HTTP/2 and HTTP/3.
func openers(t testing.TB, trust *tls.Config) map[string]opener {
	t.Helper()
	two := &http2.Transport{TLSClientConfig: trust.Clone()}
	three := &http3.Transport{TLSClientConfig: trust.Clone()}
	t.Cleanup(func() {
		two.CloseIdleConnections()
		_ = three.Close()
	})
	request := func(ctx context.Context, url string, body io.Reader) *http.Request {
		r, err := http.NewRequestWithContext(ctx, http.MethodConnect, url, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("User-Agent", kit.UserAgent)
		r.Header.Set("Sec-WebSocket-Version", "13")
		return r
	}
	return map[string]opener{
		"HTTP/2": func(ctx context.Context, url string, body io.Reader) (*http.Response, error) {
			r := request(ctx, url, body)
			r.Header[":protocol"] = []string{"websocket"}
			return two.RoundTrip(r)
		},
		"HTTP/3": func(ctx context.Context, url string, body io.Reader) (*http.Response, error) {
			r := request(ctx, url, body)
			r.Proto = "websocket"
			return three.RoundTrip(r)
		},
	}
}

// dial opens a WebSocket, or says what came instead.
func dial(t testing.TB, open opener, url string, patience time.Duration) (*socket, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(patience, cancel)
	body, send := io.Pipe()
	response, err := open(ctx, url, body)
	if !timer.Stop() && err == nil {
		err = context.DeadlineExceeded
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s := &socket{Reader: bufio.NewReader(response.Body), send: send, close: func() {
		send.Close()
		cancel()
	}}
	t.Cleanup(s.close)
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return s, nil
}

// say sends one short text frame; its mask is zero.
func (s *socket) say(text string) error {
	_, err := s.send.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...))
	return err
}

// hear reads one short frame.
func (s *socket) hear() (kind byte, text string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return 0, "", err
	}
	payload := make([]byte, head[1])
	_, err = io.ReadFull(s, payload)
	return head[0], string(payload), err
}

// echoes says a text and wants it back.
func (s *socket) echoes(text string) error {
	if err := s.say(text); err != nil {
		return err
	}
	if kind, got, err := s.hear(); err != nil || kind != 0x81 || got != text {
		return fmt.Errorf("%q came back as %q, frame %x: %v", text, got, kind, err)
	}
	return nil
}

// timeouts are those of the shipped configuration, shorter.
const timeouts = "\t\ttimeouts {\n\t\t\tread_body_idle 1s 1024\n\t\t\tread_body 2s\n\t\t\twrite_idle 1s 1024\n\t\t}\n"

// TestSocketsOverHTTP2And3: messages flow both ways with the firewall on, longer than a
// request may last, and the end of one side is that of the other. HTTP/2 offers it where
// GODEBUG says so.
func TestSocketsOverHTTP2And3(t *testing.T) {
	t.Parallel()
	shop := newTalker(t)
	e := startSecure(t, timeouts, "shield loewen\nshop_backend "+shop.addr, "GODEBUG=http2xconnect=1")
	for name, open := range openers(t, e.trust) {
		s, err := dial(t, open, e.url+"/socket", 10*time.Second)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, text := range []string{"registerEGK", "<script>alert(1)</script>' OR 1=1 --"} {
			if err := s.echoes(text); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		time.Sleep(3 * time.Second)
		if err := s.echoes("after a silence"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		ended := shop.ended.Load()
		s.send.Close()
		kit.Eventually(t, 5*time.Second, name+": the shop sees that the client has gone", func() bool { return shop.ended.Load() > ended })
		if s, err = dial(t, open, e.url+"/socket", 10*time.Second); err != nil {
			t.Errorf("%s, a second: %v", name, err)
			continue
		}
		if err := s.say("end"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if kind, _, err := s.hear(); kind != 0x88 {
			t.Errorf("%s: frame %x, %v; want the shop's close", name, kind, err)
		}
		s.send.Close()
		if _, err := s.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the shop's close: %v, want the end", name, err)
		}
		if s, err := dial(t, open, e.url+"/socket?q=%3Cscript%3Ealert(1)%3C/script%3E", 10*time.Second); s != nil || err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s, an attack in the query: %v, want 403", name, err)
		}
	}
	kit.Eventually(t, 5*time.Second, "four sockets are counted as sockets", func() bool {
		return kit.Metric(t, e.Edge, `theriac_visit_requests_total{class="socket",shop="loewen",stage="shop"}`) == 4
	})
}

// TestBufferedSocketsAreNoticed: the control. A proxy that buffers the body of an extended
// CONNECT opens none, and HTTP/2 offers none by itself.
func TestBufferedSocketsAreNoticed(t *testing.T) {
	t.Parallel()
	shop := newTalker(t)
	buffering := "shop_visit loewen\nreverse_proxy " + shop.addr + " {\n\trequest_buffers 256KiB\n}"
	e := startSecure(t, "", buffering, "GODEBUG=http2xconnect=1")
	for name, open := range openers(t, e.trust) {
		if _, err := dial(t, open, e.url+"/socket", 2*time.Second); err == nil {
			t.Errorf("%s: a socket whose body is buffered has opened", name)
		}
	}
	// A client that gives up ends its body, with which the proxy may still go to the shop.
	kit.Eventually(t, 5*time.Second, "no socket is open at the shop", func() bool { return shop.open.Load() == shop.ended.Load() })
	plain := startSecure(t, "", "shop_visit loewen\nshop_backend "+shop.addr)
	if _, err := dial(t, openers(t, plain.trust)["HTTP/2"], plain.url+"/socket", 5*time.Second); err == nil {
		t.Error("HTTP/2 offers sockets without GODEBUG")
	}
}
