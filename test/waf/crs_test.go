package waf

import (
	"bufio"
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

	"github.com/theriac-edge/theriac/test/need"
)

// TestCoreRuleSet runs the regression suite of the Core Rule Set against the
// edge as it ships. Over HTTP/1.1 each test passes, or does what crsExceptions
// says of it; over HTTP/2 the same rules fire, and with the preset all but what
// crsLost names.
func TestCoreRuleSet(t *testing.T) {
	need.Time(t)
	e := startCRS(t)
	suite := readCRS(t)
	statuses := e.overHTTP1(t, http1, suite)
	statusesPreset := e.overHTTP1(t, withPreset, suite)
	statuses2 := e.overHTTP2(t, suite)
	all := e.fired(t)
	t.Run("HTTP/1.1", func(t *testing.T) { checkHTTP1(t, suite, statuses, all) })
	t.Run("preset", func(t *testing.T) { checkPreset(t, suite, statuses, statusesPreset, all) })
	t.Run("HTTP/2", func(t *testing.T) { checkHTTP2(t, suite, statuses, statuses2, all) })
}

func checkHTTP1(t *testing.T, suite []crsTest, statuses map[string]int, all map[string]fired) {
	passed, met := 0, make(map[string]bool)
	for i, test := range suite {
		exception, known := crsExceptions[test.Name]
		met[test.Name] = known
		ok := !exception.lost
		for j, stage := range test.Stages {
			client := crsClient(http1, i, j)
			written := stage.Output.complaint(statuses[client], all[client])
			want := stage.Output
			if known {
				want = exception.output()
			}
			switch complaint := want.complaint(statuses[client], all[client]); {
			case complaint != "":
				t.Errorf("%s: %s", test.Name, complaint)
				ok = false
			case known && written == "":
				t.Errorf("%s passes as it is written; take it from crsExceptions", test.Name)
			}
		}
		if ok {
			passed++
		}
	}
	for name := range crsExceptions {
		if !met[name] {
			t.Errorf("there is no test %s; take it from crsExceptions", name)
		}
	}
	if passed != 4670 || len(suite) != 4674 {
		t.Errorf("%d of %d tests pass, want 4670 of 4674", passed, len(suite))
	}
}

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

// crsPatience is how long the edge may be silent before the client says that
// nothing more will come, which ends requests that are cut off.
const crsPatience = 3 * time.Second

// exchange sends bytes and returns the status of the answer.
func exchange(ctx context.Context, addr, client, method string, request []byte) int {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	over := time.AfterFunc(crsPatience, func() { _ = conn.(*net.TCPConn).CloseWrite() })
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

// TestCRSComplains shows that a test of the suite can fail.
func TestCRSComplains(t *testing.T) {
	got := fired{rules: []int{920100, 942100}, lines: `[id "942100"] [msg "SQL"]`}
	log := func(change func(*crsOutput)) (want crsOutput) {
		change(&want)
		return want
	}
	for name, test := range map[string]struct {
		want   crsOutput
		status int
		ok     bool
	}{
		"a rule that fired":            {log(func(o *crsOutput) { o.Log.Expect = []int{942100} }), 200, true},
		"a rule that did not":          {log(func(o *crsOutput) { o.Log.Expect = []int{942100, 942110} }), 200, false},
		"a rule that must not fire":    {log(func(o *crsOutput) { o.Log.NoExpect = []int{920100} }), 200, false},
		"one that did not, rightly":    {log(func(o *crsOutput) { o.Log.NoExpect = []int{942110} }), 200, true},
		"a text that was said":         {log(func(o *crsOutput) { o.Log.Match = `942100.*SQL` }), 200, true},
		"a text that was not":          {log(func(o *crsOutput) { o.Log.Match = `XSS` }), 200, false},
		"a text that must not be":      {log(func(o *crsOutput) { o.Log.NoMatch = `SQL` }), 200, false},
		"a status":                     {log(func(o *crsOutput) { o.Status = 400 }), 400, true},
		"another status":               {log(func(o *crsOutput) { o.Status = 400 }), 200, false},
		"an answer where none must be": {log(func(o *crsOutput) { o.ExpectError = true }), 400, false},
	} {
		if got := test.want.complaint(test.status, got); (got == "") != test.ok {
			t.Errorf("%s: complaint %q", name, got)
		}
	}
}
