package replay

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"

	"github.com/theriac-edge/theriac/test/kit"
)

// heard is a request as the shop received it.
type heard struct {
	raw  string // from the first byte to the last
	line string // the request line
	body string
	head http.Header
}

// target is what the shop was asked for, as it was written.
func (h *heard) target() string {
	fields := strings.Fields(h.line)
	if len(fields) != 3 {
		return h.line
	}
	return fields[1]
}

// strictShop is a shop that reads by the letter (RFC 9112) and notes every byte.
type strictShop struct {
	addr   string
	answer func(conn net.Conn, r *http.Request) (done bool)

	mu  sync.Mutex
	got map[string][]heard // by the client's address
}

// page is what it answers.
const page = "a page of the shop"

// openShop starts it. Where answer returns false it answers with a page.
func openShop(t testing.TB, answer func(net.Conn, *http.Request) bool) *strictShop {
	t.Helper()
	s := &strictShop{answer: answer, got: make(map[string][]heard)}
	s.addr = kit.Listen(t, s.serve)
	return s
}

func (s *strictShop) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, h, err := receive(in)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.got[r.Header.Get("X-Forwarded-For")] = append(s.got[r.Header.Get("X-Forwarded-For")], h)
		s.mu.Unlock()
		if s.answer != nil && s.answer(conn, r) {
			continue
		}
		text := page
		if r.Method == http.MethodHead {
			text = ""
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(page), text)
	}
}

// receive reads one request, and not a byte more.
func receive(in *bufio.Reader) (r *http.Request, h heard, err error) {
	for !strings.HasSuffix(h.raw, "\r\n\r\n") {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, h, err
		}
		h.raw += line
	}
	if r, err = http.ReadRequest(bufio.NewReader(strings.NewReader(h.raw))); err != nil {
		return nil, h, err
	}
	body := io.LimitReader(in, max(r.ContentLength, 0))
	if len(r.TransferEncoding) > 0 {
		body = httputil.NewChunkedReader(in)
	}
	read, err := io.ReadAll(body)
	if err == nil && len(r.TransferEncoding) > 0 {
		_, err = in.ReadString('\n') // no trailers
	}
	h.line, _, _ = strings.Cut(h.raw, "\r\n")
	h.body, h.head = string(read), r.Header
	h.raw += h.body
	return r, h, err
}

// from returns what it has received from a client.
func (s *strictShop) from(client string) []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]heard(nil), s.got[client]...)
}
