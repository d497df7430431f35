package waf

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

// The runs, as parts of clients' addresses.
const (
	http1      = 64
	http2      = 96
	withPreset = 112
)

// crsClient is the address of the client that sends one stage of one test.
func crsClient(run, test, stage int) string {
	return fmt.Sprintf("127.%d.%d.%d", run+stage, test>>8, test&255)
}

// overHTTP1 sends all stages and returns the status of each by its client, 0
// where there was no answer.
func (e *crsEdge) overHTTP1(t *testing.T, run int, suite []crsTest) map[string]int {
	t.Helper()
	return runCRS(run, suite, func(in *crsInput, client string) int {
		r, err := in.request()
		if err != nil {
			t.Errorf("making a request: %v", err)
			return 0
		}
		addr := e.doors[run].addr
		if r.hasOddNames() {
			addr = e.doors[run].odd
		}
		return exchange(t.Context(), addr, client, r.method, r.bytes())
	})
}

// runCRS does something with each stage of the suite, many at a time: what
// takes long is waiting for answers that never come.
func runCRS(run int, suite []crsTest, do func(in *crsInput, client string) int) map[string]int {
	statuses := make(map[string]int)
	var mu sync.Mutex
	var group sync.WaitGroup
	turns := make(chan struct{}, 16)
	for i, test := range suite {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			for j := range test.Stages {
				client := crsClient(run, i, j)
				status := do(&test.Stages[j].Input, client)
				mu.Lock()
				statuses[client] = status
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return statuses
}

// patienceFor returns how long the client waits for a response before it closes its side of
// the connection. A truncated request gets a response only then. For a complete one the
// edge, which may take seconds to inspect it, would take that for a client that has left.
func patienceFor(request []byte) time.Duration {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	if err != nil {
		return 3 * time.Second
	}
	return 30 * time.Second
}

// exchange sends bytes and returns the status of the answer.
func exchange(ctx context.Context, addr, client, method string, request []byte) int {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	over := time.AfterFunc(patienceFor(request), func() { _ = conn.(*net.TCPConn).CloseWrite() })
	defer over.Stop()
	_, _ = conn.Write(request) // the edge may have answered before it had all
	for reader := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return 0
		}
		if response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		return response.StatusCode
	}
}

// complaint says what is not as it must be.
func (want *crsOutput) complaint(status int, got fired) string {
	if want.ExpectError {
		if status != 0 {
			return fmt.Sprintf("status %d, want no answer", status)
		}
		return ""
	}
	if want.Status != 0 && status != want.Status {
		return fmt.Sprintf("status %d, want %d; fired %v", status, want.Status, got.rules)
	}
	for _, id := range want.Log.Expect {
		if !slices.Contains(got.rules, id) {
			return fmt.Sprintf("rule %d did not fire; fired %v, status %d", id, got.rules, status)
		}
	}
	for _, id := range want.Log.NoExpect {
		if slices.Contains(got.rules, id) {
			return fmt.Sprintf("rule %d fired; fired %v, status %d", id, got.rules, status)
		}
	}
	if pattern := want.Log.Match; pattern != "" && !regexp.MustCompile(pattern).MatchString(got.lines) {
		return fmt.Sprintf("nothing that fired says %q; fired %v, status %d", pattern, got.rules, status)
	}
	if pattern := want.Log.NoMatch; pattern != "" && regexp.MustCompile(pattern).MatchString(got.lines) {
		return fmt.Sprintf("what fired says %q; fired %v, status %d", pattern, got.rules, status)
	}
	return ""
}
