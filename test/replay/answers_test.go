package replay

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// odd are answers as shops send them, by path.
var odd = map[string]string{
	"/early":    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nSHOP",
	"/trailers": "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n4\r\nSHOP\r\n0\r\nX-Sum: 7\r\n\r\n",
	"/range":    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-3/4\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nOP",
	"/notmod":   "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n",
	"/headlen":  "HTTP/1.1 200 OK\r\nContent-Length: 1234567\r\nContent-Type: text/html\r\n\r\n",
	"/eof":      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\nSHOP until the end",
	"/breaks":   "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\nSHOP",
	"/cookies":  "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest realm=x\r\nContent-Length: 4\r\n\r\nSHOP",
	"/204":      "HTTP/1.1 204 No Content\r\n\r\n",
}

// TestOddAnswers arrive as the shop has sent them, also where the firewall reads them.
func TestOddAnswers(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const gap = 2 * time.Second // between the first event and the end
	s := openShop(t, func(conn net.Conn, r *http.Request) bool {
		if r.URL.Path == "/sse" {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 0\n\n\r\n")
			time.Sleep(gap)
			_, _ = io.WriteString(conn, "0\r\n\r\n")
			return true
		}
		text, ok := odd[r.URL.Path]
		_, _ = io.WriteString(conn, text)
		if r.URL.Path == "/eof" || r.URL.Path == "/breaks" {
			conn.Close()
		}
		return ok
	})
	for mode, settings := range map[string]string{"": "", " responses": "waf on {\n\tresponses\n}"} {
		e := shielded(t, s, settings)
		for _, c := range []struct {
			id, method, path, header string
			right                    func(*reply) bool
		}{
			{"R01", "GET", "/early", "", func(r *reply) bool { return slices.Contains(r.first, 103) && r.body == "SHOP" }},
			{"R02", "GET", "/trailers", "TE: trailers\r\n", func(r *reply) bool { return r.body == "SHOP" && r.header.Get("Trailer-X-Sum") == "7" }},
			{"R03", "GET", "/range", "Range: bytes=2-3\r\n", func(r *reply) bool {
				return r.status == 206 && r.body == "OP" && r.header.Get("Content-Range") == "bytes 2-3/4"
			}},
			{"R04", "GET", "/notmod", "If-None-Match: \"1\"\r\n", func(r *reply) bool { return r.status == 304 && r.header.Get("ETag") == `"1"` }},
			{"R05", "HEAD", "/headlen", "", func(r *reply) bool { return r.status == 200 && r.header.Get("Content-Length") == "1234567" }},
			{"R06", "GET", "/eof", "", func(r *reply) bool { return r.body == "SHOP until the end" }},
			{"R07", "GET", "/breaks", "", func(r *reply) bool { return r.status != 200 || len(r.body) < 1000 }},
			{"R08", "GET", "/cookies", "", func(r *reply) bool {
				return len(r.header["Www-Authenticate"]) == 2 && slices.Contains(r.header["Set-Cookie"], "a=1; Path=/") && slices.Contains(r.header["Set-Cookie"], "b=2; Path=/")
			}},
			{"R09", "GET", "/204", "", func(r *reply) bool { return r.status == 204 }},
		} {
			t.Run(c.id+mode, func(t *testing.T) {
				if got := ask(t, e, newClient(), c.method, c.path, machine+c.header); !c.right(got) {
					t.Errorf("%+v", got)
				}
			})
		}
		t.Run("R10"+mode, func(t *testing.T) {
			conn := dial(t, e, newClient())
			begin := time.Now()
			_, _ = fmt.Fprintf(conn, "GET /sse HTTP/1.1\r\n%sUser-Agent: x\r\nAccept: text/event-stream\r\n\r\n", shopHost)
			got, room := "", make([]byte, 4096)
			for !strings.Contains(got, "data: 0") {
				n, err := conn.Read(room)
				if err != nil {
					t.Fatal(err)
				}
				got += string(room[:n])
			}
			if took := time.Since(begin); took > gap {
				t.Errorf("the first event comes after %s, with the last", took)
			}
		})
	}
}

// TestOddCookies: a pass is found among what browsers send with it. The control is the same
// without the pass.
func TestOddCookies(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s := openShop(t, nil)
	e := shielded(t, s, "")
	kit.SetLevel(t, e, "loewen", 2)
	client := newClient()
	v := kit.NewVisitor(t, e, client)
	v.Earn("/product/1")
	pass := "theriac=" + v.Pass
	const agent = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nUser-Agent: " + kit.UserAgent + "\r\n"
	many := func(n int) string { return strings.Repeat("; c=1", n) }
	for id, jar := range map[string]string{
		"X01":         pass + many(99),
		"X02":         pass + many(130),
		"X02 Chrome":  "a=1" + many(178) + "; " + pass,
		"X03":         pass + "; a=" + strings.Repeat("x", 12000),
		"X04":         "theriac=old; " + pass,
		"X05":         `theriac="` + v.Pass + `"`,
		"X06":         "  " + pass + "  ;  ",
		"X07":         pass + ";b=2;c=3",
		"X08":         "consent={%22a%22:true}; " + pass + "; utm=K\xf6ln",
		"X09 lines":   "a=1\r\nCookie: " + pass + "\r\nCookie: b=2",
		"X09 nothing": ";; =; " + pass + ";",
	} {
		t.Run(id, func(t *testing.T) {
			if got := ask(t, e, client, "GET", "/product/1", agent+"Cookie: "+jar+"\r\n"); !got.isShops() {
				t.Errorf("status %d: %.200s", got.status, got.body)
			}
			without := strings.ReplaceAll(jar, v.Pass, strings.ToUpper(v.Pass))
			if got := ask(t, e, client, "GET", "/product/1", agent+"Cookie: "+without+"\r\n"); !got.isChallenge() {
				t.Errorf("control without a pass: status %d", got.status)
			}
		})
	}
	if got := ask(t, e, client, "GET", "/product/1", agent+"Cookie: "+pass+many(200)+"\r\n"); got.status != http.StatusBadRequest {
		t.Errorf("201 cookies: status %d, want the firewall's 400", got.status)
	}
}
