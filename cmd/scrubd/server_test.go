//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/test/need"
)

// serving is a daemon over a fake dataplane, that listens.
func serving(t *testing.T, f *fakePlane, more string) (d *daemon, socket string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "run", "s.sock")
	path := filepath.Join(dir, "scrubd.yaml")
	text := "interfaces: [lo]\npolicies: [{name: shops, protect: [192.0.2.10]}]\ndaemon:\n  socket: " + socket + "\n" + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, s, err := start(f.kernel(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx, s) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("the daemon has ended: %v", err)
		}
		if !f.closed || f.unloaded || len(f.Attached()) == 0 {
			t.Errorf("an end closes the dataplane (%v) and leaves it running (%v)", f.closed, f.Attached())
		}
	})
	return d, socket
}

// asked sends a request as a peer.
func asked(d *daemon, p peer, method, uri, body string) (status int, answer string) {
	r := httptest.NewRequest(method, uri, strings.NewReader(body))
	w := httptest.NewRecorder()
	d.handler().ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, p)))
	return w.Code, w.Body.String()
}

func TestWhoMayAskWhat(t *testing.T) {
	d, _ := serving(t, newFake(), "")
	const edge, admin, stranger = 54321, 54322, 54323
	d.peers = peers{edges: crowd{uids: []int{edge}}, admins: crowd{uids: []int{admin}}}
	order := `{"prefix": "203.0.113.7/32", "for": "1h"}`
	for _, c := range []struct {
		method, uri, body     string
		edge, admin, stranger int
	}{
		{"POST", "/bans", `{"edge": "fra-1"}`, 200, 200, 403},
		{"GET", "/status", "", 200, 200, 403},
		{"GET", "/metrics", "", 200, 200, 403},
		{"GET", "/top", "", 403, 200, 403},
		{"GET", "/denied", "", 403, 200, 403},
		{"GET", "/allowed", "", 403, 200, 403},
		{"GET", "/policy", "", 403, 200, 403},
		{"POST", "/policy", "", 403, 200, 403},
		{"POST", "/deny", order, 403, 200, 403},
		{"POST", "/lift", order, 403, 200, 403},
		{"POST", "/allow", order, 403, 200, 403},
		{"POST", "/disallow", order, 403, 200, 403},
		{"GET", "/bans", "", 405, 405, 405},
		{"GET", "/", "", 404, 404, 404},
	} {
		for uid, want := range map[int]int{edge: c.edge, admin: c.admin, stranger: c.stranger} {
			if got, answer := asked(d, peer{uid: uid}, c.method, c.uri, c.body); got != want {
				t.Errorf("edge, admin or stranger %d: %s %s: %d %s, want %d", uid, c.method, c.uri, got, answer, want)
			}
		}
	}
	r := httptest.NewRequest("GET", "/status", nil)
	w := httptest.NewRecorder()
	if d.handler().ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("a peer that is not known at all: %d", w.Code)
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	f := newFake()
	d, _ := serving(t, f, "")
	root := peer{uid: 0}
	many := make([]wire.Verdict, wire.MaxVerdicts+1)
	for i := range many {
		many[i] = verdict("203.0.113.7/32", time.Now().Add(time.Minute))
	}
	raw, err := json.Marshal(wire.Verdicts{Edge: "fra-1", Verdicts: many})
	if err != nil {
		t.Fatal(err)
	}
	for about, c := range map[string]struct{ uri, body, want string }{
		"no JSON":            {"/bans", "please", "reading the body: invalid character"},
		"no end":             {"/bans", `{"edge": "` + strings.Repeat("x", largestBatch), "http: request body too large"},
		"too many bans":      {"/bans", string(raw), "1025 bans at once; at most 1024 are allowed"},
		"no name":            {"/bans", `{}`, `\"\" is no name of an edge`},
		"a name of lines":    {"/bans", `{"edge": "a\nb"}`, "is no name of an edge"},
		"a long name":        {"/bans", `{"edge": "` + strings.Repeat("x", 65) + `"}`, "is no name of an edge"},
		"an unknown cause":   {"/bans", `{"edge": "a", "bans": [{"prefix": "203.0.113.7/32", "cause": "mood"}]}`, "is no cause of a ban"},
		"an order of pages":  {"/deny", `{"why": "` + strings.Repeat("x", largestOrder), "http: request body too large"},
		"no prefix":          {"/deny", `{"for": "1h"}`, "prefix is missing, or is none"},
		"host bits":          {"/deny", `{"prefix": "203.0.113.7/24", "for": "1h"}`, "prefix is missing, or is none"},
		"a reason of a page": {"/deny", `{"prefix": "203.0.113.7/32", "for": "1h", "why": "` + strings.Repeat("x", 201) + `"}`, "the reason has 201 bytes"},
		"without a time":     {"/deny", `{"prefix": "203.0.113.7/32"}`, "is no time to last"},
		"for ever":           {"/deny", `{"prefix": "203.0.113.7/32", "for": "10000h"}`, "is no time to last"},
	} {
		status, answer := asked(d, root, "POST", c.uri, c.body)
		if status != http.StatusBadRequest || !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %.200s, want 400 and %s", about, status, answer, c.want)
		}
	}
	if len(f.deny) > 0 {
		t.Errorf("something was denied: %v", f.deny)
	}
	if status, answer := asked(d, root, "POST", "/bans", strings.Replace(string(raw), "[{", "[", 1)); status != 400 {
		t.Errorf("broken JSON: %d %.100s", status, answer)
	}
}

// TestPeerThatIsSlow sends a part of a request and then nothing.
func TestPeerThatIsSlow(t *testing.T) {
	need.Time(t)
	_, socket := serving(t, newFake(), "")
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /bans HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	if err := conn.SetReadDeadline(time.Now().Add(8 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(answer), " 400 Bad Request") {
		t.Errorf("after 5 s: %v, %s", err, answer)
	}
}

func TestMetrics(t *testing.T) {
	f := newFake()
	f.tallies = []scrub.Tally{
		{Policy: "shops", Reason: reason("denied"), Packets: 7, Bytes: 420},
		{Policy: "shops", Reason: reason("fragment"), Watched: 3},
	}
	addr := need.Addr(t)
	d, _ := serving(t, f, "  metrics: "+addr+"\n")
	judge(t, d.desk, fra, time.Now(), verdict("203.0.113.7/32", time.Now().Add(time.Minute)))
	asked(d, peer{uid: 0}, "POST", "/policy", "")
	response, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`theriac_scrub_packets_total{policy="shops",reason="denied",verdict="dropped"} 7`,
		`theriac_scrub_bytes_total{policy="shops",reason="denied",verdict="dropped"} 420`,
		`theriac_scrub_watched_total{policy="shops",reason="fragment"} 3`,
		`theriac_scrub_denied{owner="edges"} 1`,
		`theriac_scrub_denied{owner="manual"} 0`,
		`theriac_scrub_attached{interface="lo",mode="native"} 1`,
		`theriac_scrub_pushed_bans_total{outcome="passed"} 1`,
		`theriac_scrub_policy_reloads_total{outcome="done"} 1`,
		`theriac_scrub_samples_lost_total 0`,
	} {
		if !strings.Contains(string(raw), "\n"+want+"\n") {
			t.Errorf("no line %s in\n%s", want, raw)
		}
	}
	for _, uri := range []string{"/status", "/bans", "/"} {
		response, err := http.Get("http://" + addr + uri)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered over TCP: %s", uri, response.Status)
		}
	}
}

func TestRates(t *testing.T) {
	now := time.Now()
	packets := uint64(1000)
	s := &survey{read: func() ([]scrub.Tally, error) {
		return []scrub.Tally{{Policy: "shops", Reason: reason("denied"), Packets: packets, Bytes: 100 * packets}}, nil
	}}
	rate := func() float64 {
		flows, err := s.flows(now)
		if err != nil {
			t.Fatal(err)
		}
		return flows[0].PacketsPerSecond
	}
	if got := rate(); got != 0 {
		t.Errorf("before the first look: %v/s", got)
	}
	for range 20 {
		if err := s.take(now); err != nil {
			t.Fatal(err)
		}
		now, packets = now.Add(time.Second), packets+500
	}
	if got := rate(); got != 500 {
		t.Errorf("steady: %v/s, want 500", got)
	}
	if got := len(s.past); got > 7 {
		t.Errorf("%d looks are kept", got)
	}
	packets = 100 // counted anew
	if got := rate(); got < 0 || got > 100 {
		t.Errorf("counted anew: %v/s", got)
	}
}
