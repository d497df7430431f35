package process

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// hostileRequests are written to the socket as they stand; after each comes
// what may be answered. 0 stands for a connection closed without an answer, 502
// is how Caddy's reverse_proxy answers a body that breaks off.
var hostileRequests = []struct {
	what, raw string
	may       []int
}{
	{"10,000 headers", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\n" + manyHeaders(10_000) + "\r\n", []int{400, 431}},
	{"one header of 2 MB", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nX-Long: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", []int{431}},
	{"X-Forwarded-For of 2,000 addresses", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nX-Forwarded-For: " +
		strings.Repeat("203.0.113.7, ", 2000) + "198.51.100.1\r\n\r\n", []int{200}},
	{"X-Forwarded-For without an address", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nX-Forwarded-For: , ,,\xff, unknown, 999.1.1.1\r\n\r\n", []int{200}},
	{"1,000 X-Forwarded-For headers", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\n" +
		strings.Repeat("X-Forwarded-For: 203.0.113.9\r\n", 1000) + "\r\n", []int{200}},
	{"invalid UTF-8 in the path", "GET /%ff%fe/\xff\xfe HTTP/1.1\r\nHost: loewen.localhost\r\n\r\n", []int{200, 400, 404}},
	{"invalid UTF-8 in the query", "GET /search?q=%ff%c0%80\xff HTTP/1.1\r\nHost: loewen.localhost\r\n\r\n", []int{200, 400}},
	{"invalid UTF-8 in headers", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nUser-Agent: \xff\xfe\r\nCookie: \xc3\x28=\xa0\xa1\r\nAccept-Language: \xff\xff\r\n\r\n", []int{200, 400}},
	{"a path of escapes only", "GET /%2e%2e/%2e%2e/%00/%2f%2f HTTP/1.1\r\nHost: loewen.localhost\r\n\r\n", []int{200, 400, 403, 404}},
	{"NUL in a header", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nX-Nul: a\x00b\r\n\r\n", []int{400}},
	{"NUL in the path", "GET /\x00 HTTP/1.1\r\nHost: loewen.localhost\r\n\r\n", []int{400}},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", []int{400}},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nHost: sonnen.localhost\r\n\r\n", []int{400}},
	{"a Host that is none", "GET / HTTP/1.1\r\nHost: lo wen\x7f/..\\\r\n\r\n", []int{400}},
	{"a Host of 8,000 letters", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", 8000) + "\r\n\r\n", []int{200, 400}},
	{"10,000 languages", "GET / HTTP/1.1\r\nHost: loewen.localhost\r\nAccept: text/html\r\nAccept-Language: " + strings.Repeat("x-,;q=-1,", 1100) + "\r\n\r\n", []int{200}},
	{"a broken chunk", "POST /cart HTTP/1.1\r\nHost: loewen.localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", []int{400, 502}},
	{"a chunk larger than an integer", "POST /cart HTTP/1.1\r\nHost: loewen.localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n", []int{400, 502}},
	{"length and chunks at once", "POST /cart HTTP/1.1\r\nHost: loewen.localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{200, 400}},
	{"two lengths", "POST /cart HTTP/1.1\r\nHost: loewen.localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", []int{400}},
	{"a negative length", "POST /cart HTTP/1.1\r\nHost: loewen.localhost\r\nContent-Length: -1\r\n\r\n", []int{400}},
	{"an unknown coding", "POST /cart HTTP/1.1\r\nHost: loewen.localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
	{"a method of its own", "\xf0\x9f\x92\x8a / HTTP/1.1\r\nHost: loewen.localhost\r\n\r\n", []int{400}},
	{"no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 300) + "\r\n\r\n", []int{0, 400}},
	{"HTTP of the future", "GET / HTTP/9.9\r\nHost: loewen.localhost\r\n\r\n", []int{400, 505}},
	{"an upgrade to nothing", "GET /cardlink HTTP/1.1\r\nHost: loewen.localhost\r\nConnection: Upgrade\r\nUpgrade: \xff\r\n\r\n", []int{200, 400}},
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-H-%d: %s\r\n", i, strings.Repeat("v", 100))
	}
	return b.String()
}

// sendRaw writes to a fresh connection and returns the status, or 0 if the
// connection was closed without an answer.
func sendRaw(t testing.TB, addr, raw string) int {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = conn.Write([]byte(raw)) // the edge may hang up before it has read all
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// TestHostileRequests: each gets a defined answer, in plain and while the
// client is being refused, and the edge goes on to serve others.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	shop := kit.NewBackend(t)
	config := func(rate string) string {
		return strings.Replace(kit.Global(""), "\tshield {", `	servers {
		trusted_proxies static 127.0.0.0/8
		max_header_size 64KiB
	}
	shield {`, 1) + kit.Site(kit.AnyHost, fmt.Sprintf(`shield loewen {
	limit by-value {
		key {http.request.header.X-Long} {http.request.header.User-Agent} {http.request.cookie.a} {http.request.uri}
		rate 100/s
	}
	limit total {
		key shop
		rate %s
		burst 1
	}
}
shop_backend %s
`, rate, shop.Addr))
	}
	open := edge.Start(t, config("1000000/s"))
	closed := edge.Start(t, config("1/h"))
	kit.Get(t, http.DefaultClient, closed.URL) // takes the only token
	for _, h := range hostileRequests {
		got := sendRaw(t, open.Addr, h.raw)
		if !slices.Contains(h.may, got) {
			t.Errorf("%s: status %d, want one of %v", h.what, got, h.may)
		}
		got = sendRaw(t, closed.Addr, h.raw)
		if got != http.StatusTooManyRequests && !(got != http.StatusOK && slices.Contains(h.may, got)) {
			t.Errorf("%s, refused: status %d, want 429 or one of %v", h.what, got, h.may)
		}
	}
	if got := kit.Get(t, http.DefaultClient, open.URL); got.Status != http.StatusOK {
		t.Errorf("after all that: status %d", got.Status)
	}
}

// TestRedisThatCannotWork: the edge starts and serves, and says what is wrong.
func TestRedisThatCannotWork(t *testing.T) {
	need.Time(t)
	t.Parallel()
	shop := kit.NewBackend(t)
	locked := need.Redis(t, "requirepass correct-horse-battery")
	full := need.Redis(t, "maxmemory 3mb", "maxmemory-policy noeviction")
	filler := strings.Repeat("x", 64<<10)
	for i := range 10 {
		_ = full.Do("CONFIG", "SET", "maxmemory", "64mb")
		_ = full.Do("SET", fmt.Sprint("filler:", i), filler)
	}
	_ = full.Do("CONFIG", "SET", "maxmemory", "1mb")
	for _, c := range []struct{ what, settings, why string }{
		{"nobody listens", "redis redis://" + need.Addr(t), "nothing listens there"},
		{"a wrong password", "redis redis://" + locked.Addr + " {\n\tpassword wrong-horse\n}", "password"},
		{"no password", "redis redis://" + locked.Addr, "password"},
		{"a full Redis", "redis redis://" + full.Addr, "the store is full"},
		{"an unknown host", "redis redis://no-such-host.invalid:6379", "no-such-host.invalid"},
	} {
		e := edge.Start(t, kit.Global("node a\nsecret only-for-tests-on-loopback\n"+c.settings)+
			kit.Site(kit.AnyHost, "shield loewen {\n\tlimit login {\n\t\trate 5/h\n\t\texact\n\t}\n}\nshop_backend "+shop.Addr))
		for i, want := range []int{200, 200, 200, 200, 200, 429} {
			if got := kit.Get(t, http.DefaultClient, e.URL).Status; got != want {
				t.Errorf("%s: request %d: status %d, want %d", c.what, i+1, got, want)
			}
		}
		kit.Eventually(t, 10*time.Second, c.what+": the status says "+c.why, func() bool {
			s := kit.StatusOf(t, e)
			return !s.Store.Shared && strings.Contains(s.Store.Reason, c.why)
		})
		kit.Eventually(t, 5*time.Second, c.what+": the log says "+c.why, func() bool { return strings.Contains(e.Log(), c.why) })
		if log := e.Log(); strings.Contains(log, "wrong-horse") {
			t.Errorf("%s: the log holds the password", c.what)
		}
	}
}
