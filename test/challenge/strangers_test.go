package challenge

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// ignores sends n requests from an address, in one connection, and reads what it gets: a
// client that ignores every challenge. The edge may end the connection.
func ignores(t testing.TB, e *edge.Edge, from string, n int) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	conn, err := dialer.Dial("tcp", e.Addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // until the edge ends the connection
	request := "GET /product/1 HTTP/1.1\r\nHost: loewen.localhost\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n"
	for range n {
		if _, err := io.WriteString(conn, request); err != nil {
			return
		}
	}
	_, _ = io.WriteString(conn, strings.Replace(request, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
}

// TestFloodThatIgnoresIsBanned: at level 2 each of 500 addresses that ignores challenges is
// banned, and a customer who solves is served meanwhile. The control: at level 0 none of 100
// is, since nobody was asked for anything.
func TestFloodThatIgnoresIsBanned(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	for level, c := range map[shop.Level]struct{ bots, banned int }{shop.Attack: {500, 500}, shop.Calm: {100, 0}} {
		t.Run(level.String(), func(t *testing.T) {
			b := kit.NewBackend(t)
			e := edge.Start(t, kit.Global("secret "+kit.Secret+"\nbans on {\n\tmax_per_minute 10000\n}")+kit.Site(kit.AnyHost, `shield loewen {
	limit pages off
}
shop_backend `+b.Addr))
			kit.SetLevel(t, e, "loewen", level)
			begin := time.Now()
			var flood sync.WaitGroup
			turns := make(chan struct{}, 50)
			for i := range c.bots {
				turns <- struct{}{}
				flood.Go(func() {
					defer func() { <-turns }()
					ignores(t, e, fmt.Sprintf("127.%d.%d.1", 64+i/250, i%250), 150)
				})
			}
			v := kit.NewVisitor(t, e, "127.50.0.1")
			if level != shop.Calm {
				v.Earn("/product/1")
			}
			if status, _, _ := v.Get("/product/1"); status != 200 {
				t.Errorf("a customer gets %d", status)
			}
			flood.Wait()
			banned := func() int {
				return kit.Metric(t, e, `theriac_shield_bans_total{cause="challenge",outcome="banned",shop="loewen"}`)
			}
			if c.banned > 0 {
				for end := time.Now().Add(10 * time.Second); banned() < c.banned*98/100 && time.Now().Before(end); {
					time.Sleep(50 * time.Millisecond)
				}
				if banned() < c.banned*98/100 {
					t.Errorf("%d of %d are banned", banned(), c.banned)
				}
				t.Logf("%d of %d are banned after %s", banned(), c.bots, time.Since(begin).Round(time.Millisecond))
			} else if got := kit.BansOf(t, e).Bans; len(got) != 0 {
				t.Errorf("%d are banned at level 0", len(got))
			}
		})
	}
}

// TestStrangersOfASubnet: at level 4 scripts of strangers have a small part of a subnet, a
// customer there is served, and a newcomer gets the challenge. The control is level 0, where
// all are served.
func TestStrangersOfASubnet(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	b := kit.NewBackend(t)
	for level, want := range map[shop.Level]bool{shop.Siege: true, shop.Calm: false} {
		t.Run(level.String(), func(t *testing.T) {
			e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, "shield loewen {\n\tlimit subnet {\n\t\trate 20/s\n\t\tburst 200\n\t}\n}\nshop_backend "+b.Addr))
			kit.SetLevel(t, e, "loewen", level)
			customer := kit.NewVisitor(t, e, "127.51.0.1")
			if want {
				customer.Earn("/product/1")
			}
			var refused bool
			for i := range 60 {
				got := kit.Get(t, edge.From(fmt.Sprintf("127.51.0.%d", 100+i)), e.URL+"/product/1", "User-Agent: x", "Accept: */*")
				refused = refused || got.Status == 429 && got.Header.Get("X-Theriac-Challenge") == ""
			}
			if refused != want {
				t.Errorf("scripts of 60 neighbours are refused by the subnet's limit: %v, want %v", refused, want)
			}
			if status, _, _ := customer.Get("/product/1"); status != 200 {
				t.Errorf("a customer among them gets %d", status)
			}
			newcomer := kit.NewVisitor(t, e, "127.51.0.99")
			if status, _, page := newcomer.Get("/product/1"); want && (status != 503 || !strings.Contains(page, "data-token")) || !want && status != 200 {
				t.Errorf("a newcomer among them gets %d", status)
			}
		})
	}
}

// TestCrawlersComeLater: a verified crawler has less of its budget at a shop under attack, and
// is told to come later in words that search engines know.
func TestCrawlersComeLater(t *testing.T) {
	need.Loopback(t)
	resolver := need.DNS(t, "1.0.52.127.in-addr.arpa. PTR crawl.two.example.", "crawl.two.example. A 127.52.0.1")
	b := kit.NewBackend(t)
	for level, c := range map[shop.Level]struct {
		fewest, most, status int
		later                bool
	}{shop.Calm: {30, 40, 429, false}, shop.Attack: {10, 20, 429, false}, shop.Heavy: {1, 10, 503, true}} {
		t.Run(level.String(), func(t *testing.T) {
			e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, `shield loewen {
	partner two {
		reverse_dns two.example
		resolver `+resolver.Addr+`
		agent TwoBot
		rate 1/h
		burst 40
	}
}
header >X-Partner "{http.shield.partner}"
shop_backend `+b.Addr))
			kit.SetLevel(t, e, "loewen", level)
			get := func() kit.Reply {
				return kit.Get(t, edge.From("127.52.0.1"), e.URL, "User-Agent: Mozilla/5.0 (compatible; TwoBot/1.0)", "Accept: */*")
			}
			kit.Eventually(t, 10*time.Second, "the crawler's name is confirmed", func() bool { return get().Header.Get("X-Partner") == "two" })
			n, last := 1, get()
			for ; last.Status == 200 && n < 100; last = get() {
				n++
			}
			if n < c.fewest || n > c.most || last.Status != c.status || (last.Header.Get("Retry-After") == "600") != c.later {
				t.Errorf("it gets %d pages, want %d to %d, then %d with Retry-After %q", n, c.fewest, c.most, last.Status, last.Header.Get("Retry-After"))
			}
		})
	}
}
