package process

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// checks are what load balancers, keepalived and BGP daemons send.
var checks = map[string]string{
	"curl":                      "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/8\r\nConnection: close\r\n\r\n",
	"haproxy":                   "OPTIONS / HTTP/1.0\r\n\r\n",
	"keepalived":                "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\n\r\n",
	"HEAD without a User-Agent": "HEAD / HTTP/1.1\r\nHost: edge-1.example\r\nConnection: close\r\n\r\n",
	"another method and path":   "PROPFIND /x HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n",
}

// expectHealth sends each of them.
func expectHealth(t testing.TB, addr, when string, want int) {
	t.Helper()
	for name, check := range checks {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("%s, %s: %v", when, name, err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, check); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(check, " ")
		response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%s, %s: %v", when, name, err)
		}
		if response.StatusCode != want {
			t.Errorf("%s, %s: status %d, want %d", when, name, response.StatusCode, want)
		}
	}
}

// healthy is an edge with a shop, whose health is asked for at a port of its own.
func healthy(t testing.TB, health, settings, backend string) string {
	return kit.Global(settings) + kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+backend) + kit.Site(":"+kit.PortOf(health), "shop_health")
}

// TestHealthIsOfThisEdgeAlone: neither a shop that is down or under attack nor a lost Redis
// takes an edge out of its tier.
func TestHealthIsOfThisEdgeAlone(t *testing.T) {
	t.Parallel()
	redis, health, down := need.Redis(t), need.Addr(t), need.Addr(t)
	e := edge.Start(t, healthy(t, health, "secret "+kit.Secret+"\nredis redis://"+redis.Addr, down))
	if status := kit.Get(t, http.DefaultClient, e.URL+"/", "Accept: text/html", "User-Agent: x").Status; status != http.StatusBadGateway {
		t.Fatalf("the shop answers %d: it is not down, and this test proves nothing", status)
	}
	expectHealth(t, health, "the shop is down", http.StatusOK)
	kit.SetLevel(t, e, "loewen", 3)
	expectHealth(t, health, "the shop is attacked", http.StatusOK)
	redis.Kill()
	kit.Eventually(t, 20*time.Second, "Redis is lost", func() bool { return strings.Contains(e.Log(), "the shared store is lost") })
	expectHealth(t, health, "Redis is lost", http.StatusOK)
}

// TestDrain: by command, over a reload, until it is ended; and before the process ends.
// Meanwhile each response closes its connection, and none is missing.
func TestDrain(t *testing.T) {
	t.Parallel()
	health, shop := need.Addr(t), kit.NewBackend(t)
	e := edge.Start(t, healthy(t, health, "drain 2s", shop.Addr))
	ask := func(when string, closes bool) {
		t.Helper()
		response, err := http.Get(e.URL + "/")
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Close != closes {
			t.Errorf("%s: status %d, closes the connection: %t, want 200 and %t", when, response.StatusCode, response.Close, closes)
		}
	}
	command := func(word, want string) {
		t.Helper()
		if said, err := kit.Shield(t, e, word); err != nil || !strings.Contains(said, want) {
			t.Errorf("%s said %q, %v; want %q", word, said, err, want)
		}
	}
	expectHealth(t, health, "at first", http.StatusOK)
	ask("at first", false)
	command("drain", "this edge is draining")
	expectHealth(t, health, "drained", http.StatusServiceUnavailable)
	ask("drained", true)
	command("status", "DRAINING")
	e.Reload(t, healthy(t, health, "drain 3s", shop.Addr))
	expectHealth(t, health, "after a reload", http.StatusServiceUnavailable)
	if !strings.Contains(e.Metrics(t), "theriac_shield_draining 1") {
		t.Error("the metric does not say that the edge is draining")
	}
	command("undrain", "not draining")
	expectHealth(t, health, "undrained", http.StatusOK)
	ask("undrained", false)

	ended := make(chan time.Duration)
	go func() { ended <- e.Stop(t) }()
	kit.Eventually(t, 20*time.Second, "the edge begins to end", func() bool { return strings.Contains(e.Log(), "the edge ends") })
	expectHealth(t, health, "about to end", http.StatusServiceUnavailable)
	ask("about to end", true)
	if took := <-ended; took < 3*time.Second {
		t.Errorf("the edge ended after %s, want the 3s of drain at least", took)
	}
}
