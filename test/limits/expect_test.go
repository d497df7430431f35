package limits

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// TestExpectIsAnswered: a client that asks before it sends a body (RFC 9110,
// section 10.1.1) and is refused hears so at once, and not when it has sent it.
func TestExpectIsAnswered(t *testing.T) {
	t.Parallel()
	backend := kit.NewBackend(t)
	timeouts := "\tservers {\n\t\ttimeouts {\n\t\t\tread_body_idle 15s 1024\n\t\t}\n\t}\n\tshield {"
	for name, c := range map[string]struct {
		words  string
		level  shop.Level
		accept string
	}{
		"a page":        {"limit client {\n\trate 1/h\n\tburst 1\n}", shop.Calm, "text/html"},
		"a bare status": {"compact_after 1\nlimit client {\n\trate 1/h\n\tburst 1\n}", shop.Calm, "*/*"},
		"a challenge":   {"", shop.Attack, "application/json"},
		"its page":      {"", shop.Attack, "text/html"},
		"the firewall":  {"waf {\n\tbody 1KiB\n}", shop.Calm, "*/*"},
	} {
		t.Run(name, func(t *testing.T) {
			e := edge.Start(t, strings.Replace(kit.Global(""), "\tshield {", timeouts, 1)+
				kit.Site(kit.AnyHost, fmt.Sprintf("shield loewen {\n%s}\nshop_backend %s", kit.Indent(c.words, 1), backend.Addr)))
			kit.SetLevel(t, e, "loewen", c.level)
			for range 3 {
				kit.Get(t, http.DefaultClient, e.URL)
			}
			conn, err := net.Dial("tcp", e.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, "POST /prescription HTTP/1.1\r\nHost: loewen.localhost\r\nUser-Agent: curl/8\r\nAccept: "+c.accept+"\r\n"+
				"Content-Type: text/plain\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			response.Body.Close()
			if response.StatusCode < 400 {
				t.Errorf("status %d, want a refusal", response.StatusCode)
			}
		})
	}
}
