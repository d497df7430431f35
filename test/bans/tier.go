// Package bans proves from outside that attackers are banned at every edge, that
// nobody else is, and that operators can set and lift bans.
package bans

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// What a client may do before it is banned in these tests, and for how long it
// then is.
const (
	banBurst   = 5
	banPenalty = 5 // refusals
)

// strict is a shop whose clients are banned soon, for the given time.
func strict(id string, lasts time.Duration, backend, words string) string {
	return fmt.Sprintf(`shield %s {
	limit client {
		rate %d/s
		burst %d
		penalty %d %s
	}
	limit subnet off
%s}
shop_backend %s
`, id, banBurst, banBurst, banPenalty, lasts, kit.Indent(words, 1), backend)
}

// banTier starts n edges with one Redis, or one without, that ban soon.
func banTier(t testing.TB, n int, redis, settings, page string) []*edge.Edge {
	t.Helper()
	edges := make([]*edge.Edge, n)
	for i := range edges {
		shared := "secret " + kit.Secret + "\n"
		if redis != "" {
			shared += "redis redis://" + redis + "\n"
		}
		edges[i] = edge.Start(t, kit.Global(fmt.Sprintf("node edge-%d\n%s%s", i+1, shared, settings))+page)
	}
	for _, e := range edges {
		kit.Eventually(t, 10*time.Second, "every edge knows all edges", func() bool {
			s := kit.StatusOf(t, e)
			return redis == "" || s.Store.Shared && len(s.Store.Nodes) == n
		})
	}
	return edges
}

// outcomeOf counts bans of one outcome at an edge.
func outcomeOf(t testing.TB, e *edge.Edge, cause ban.Cause, outcome string) int {
	t.Helper()
	return kit.Metric(t, e, fmt.Sprintf("theriac_shield_bans_total{cause=%q,outcome=%q,shop=\"loewen\"}", cause, outcome))
}

// refusedByBan counts the requests that ended at an edge because of a ban.
func refusedByBan(t testing.TB, e *edge.Edge) int {
	t.Helper()
	return kit.Metric(t, e, `theriac_visit_requests_total{class="page",shop="loewen",stage="ban"}`)
}

// pester sends requests in a row, as a client does that ignores 429, until the
// penalty has begun: its bucket is empty and has ignored enough refusals.
func pester(t testing.TB, client *http.Client, url string, header ...string) {
	t.Helper()
	for range banBurst + banPenalty + 8 {
		kit.Get(t, client, url, append([]string{"User-Agent: " + kit.UserAgent, "Accept: text/html"}, header...)...)
	}
}

// isBan reports whether an answer is that of a ban: bare, with a time.
func isBan(r kit.Reply) bool {
	return r.Status == http.StatusTooManyRequests && r.Body == "" && r.Header.Get("Retry-After") != "" && r.Header.Get("Ratelimit") == ""
}

// open asks for a page as a browser does.
func open(t testing.TB, from, url string, header ...string) kit.Reply {
	t.Helper()
	client := edge.From(from)
	defer client.CloseIdleConnections()
	return kit.Get(t, client, url, append([]string{"User-Agent: " + kit.UserAgent, "Accept: text/html"}, header...)...)
}

// stampOf is a time stamp that an edge gave to somebody that long ago.
func stampOf(t testing.TB, id string, age time.Duration) string {
	t.Helper()
	return "Cookie: theriac-seen=" + kit.Stamp(t, id, "127.9.0.2", kit.UserAgent, age)
}

// hangsUp reports whether the edge ends the connection of a client that sends a few hundred
// requests: without a gate it does after one answer in 32.
func hangsUp(t testing.TB, e *edge.Edge, from string, header ...string) bool {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := dialer.Dial("tcp", e.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request := fmt.Sprintf("GET / HTTP/1.1\r\nHost: loewen.localhost\r\n%s\r\n", strings.Join(append(header, ""), "\r\n"))
	_, _ = io.WriteString(conn, strings.Repeat(request, 500)) // fails if the edge ends it meanwhile
	_, err = io.Copy(io.Discard, conn)
	return !errors.Is(err, os.ErrDeadlineExceeded) // then it waits for the next request
}
