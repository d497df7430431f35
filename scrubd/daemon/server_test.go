//go:build linux

package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
	"github.com/theriac-edge/theriac/scrubd/peersock"
	"github.com/theriac-edge/theriac/scrubd/policyfile"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/fakeplane"
	"github.com/theriac-edge/theriac/test/need"
)

// kernelOf has a start meet the fake instead of this host.
func kernelOf(f *fakeplane.Plane) Kernel {
	return Kernel{
		Load:           func(string) (Dataplane, error) { return f, f.Refuse["load"] },
		Running:        func(string) ([]string, error) { return f.Interfaces(), nil },
		Unload:         func(string) error { f.Unload(); return nil },
		Mount:          func(string) (bool, error) { return false, nil },
		DropPrivileges: func(*peersock.Account) error { return f.Refuse["drop privileges"] },
		Sysctls:        func([]scrub.Setting, policyfile.SysctlMode) []hostcheck.Sysctl { return nil },
	}
}

// serving is a daemon over a fake dataplane, that listens.
func serving(t *testing.T, f *fakeplane.Plane, more string) (d *Daemon, socket string) {
	t.Helper()
	dir := t.TempDir()
	socket = filepath.Join(dir, "run", "s.sock")
	path := filepath.Join(dir, "scrubd.yaml")
	text := "interfaces: [lo]\npolicies: [{name: shops, protect: [192.0.2.10]}]\ndaemon:\n  socket: " + socket + "\n" + more
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Start(kernelOf(f), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("the daemon has ended: %v", err)
		}
		if !f.Closed() || f.Unloaded || len(f.Interfaces()) == 0 {
			t.Errorf("an end closes the dataplane (%v) and leaves it attached (%v)", f.Closed(), f.Interfaces())
		}
	})
	return d, socket
}

// asked sends a request as a peer.
func asked(d *Daemon, p peersock.Peer, method, uri, body string) (status int, answer string) {
	r := httptest.NewRequest(method, uri, strings.NewReader(body))
	w := httptest.NewRecorder()
	d.handler().ServeHTTP(w, r.WithContext(peersock.WithPeer(r.Context(), p)))
	return w.Code, w.Body.String()
}

func TestRoles(t *testing.T) {
	d, _ := serving(t, fakeplane.New(), "")
	const edge, admin, stranger = 54321, 54322, 54323
	d.roles = peersock.Roles{Edges: peersock.Set{UIDs: []int{edge}}, Admins: peersock.Set{UIDs: []int{admin}}}
	change := `{"prefix": "203.0.113.7/32", "for": "1h"}`
	for _, c := range []struct {
		method, uri, body     string
		edge, admin, stranger int
	}{
		{"POST", "/bans", `{"edge": "fra-1"}`, 200, 200, 403},
		{"GET", "/status", "", 200, 200, 403},
		{"GET", "/counts", "", 200, 200, 403},
		{"GET", "/metrics", "", 200, 200, 403},
		{"GET", "/top", "", 403, 200, 403},
		{"GET", "/deny", "", 403, 200, 403},
		{"GET", "/allow", "", 403, 200, 403},
		{"GET", "/policy", "", 403, 200, 403},
		{"POST", "/policy", "", 403, 200, 403},
		{"POST", "/deny", change, 403, 200, 403},
		{"DELETE", "/deny", change, 403, 200, 403},
		{"POST", "/allow", change, 403, 200, 403},
		{"DELETE", "/allow", change, 403, 200, 403},
		{"GET", "/bans", "", 405, 405, 405},
		{"GET", "/", "", 404, 404, 404},
	} {
		for uid, want := range map[int]int{edge: c.edge, admin: c.admin, stranger: c.stranger} {
			if got, answer := asked(d, peersock.Peer{UID: uid}, c.method, c.uri, c.body); got != want {
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

// Acts name addresses, as the lists do, which are for admins only.
func TestActsAreForAdmins(t *testing.T) {
	d, _ := serving(t, fakeplane.New(), "")
	const edge, admin = 54321, 54322
	d.roles = peersock.Roles{Edges: peersock.Set{UIDs: []int{edge}}, Admins: peersock.Set{UIDs: []int{admin}}}
	if status, answer := asked(d, peersock.Peer{UID: admin}, "POST", "/deny", `{"prefix": "203.0.113.7/32", "for": "1h", "why": "floods"}`); status != 200 {
		t.Fatalf("deny: %d %s", status, answer)
	}
	// What was refused is no act.
	if status, answer := asked(d, peersock.Peer{UID: admin}, "POST", "/deny", `{"prefix": "192.0.2.10/32", "for": "1h"}`); status != 409 {
		t.Fatalf("deny what is protected: %d %s", status, answer)
	}
	for uid, want := range map[int]int{edge: 0, admin: 1} {
		_, answer := asked(d, peersock.Peer{UID: uid}, "GET", "/status", "")
		var status Status
		if err := json.Unmarshal([]byte(answer), &status); err != nil {
			t.Fatal(err)
		}
		if len(status.Acts) != want {
			t.Errorf("user %d reads %d acts, want %d", uid, len(status.Acts), want)
		} else if want == 1 && (status.Acts[0].Who != "uid 54322" || status.Acts[0].What != "203.0.113.7/32" || status.Acts[0].Why != "floods" || status.Acts[0].Until.IsZero()) {
			t.Errorf("the act is %+v", status.Acts[0])
		}
	}
}

func TestRejectedBodies(t *testing.T) {
	f := fakeplane.New()
	d, _ := serving(t, f, "")
	root := peersock.Peer{UID: 0}
	many := make([]client.PushedBan, client.MaxBatch+1)
	for i := range many {
		many[i] = client.PushedBan{Prefix: netip.MustParsePrefix("203.0.113.7/32"), Until: time.Now().Add(time.Minute), Shop: "loewen", Cause: ban.ByLimit}
	}
	raw, err := json.Marshal(client.SyncRequest{Edge: "fra-1", Bans: many})
	if err != nil {
		t.Fatal(err)
	}
	for about, c := range map[string]struct{ uri, body, want string }{
		"no JSON":            {"/bans", "please", "reading the body: invalid character"},
		"no end":             {"/bans", `{"edge": "` + strings.Repeat("x", maxBatchBody), "http: request body too large"},
		"too many bans":      {"/bans", string(raw), "1025 bans in one request: want at most 1024"},
		"no name":            {"/bans", `{}`, `invalid name of an edge \"\"`},
		"a name of lines":    {"/bans", `{"edge": "a\nb"}`, "invalid name of an edge"},
		"a long name":        {"/bans", `{"edge": "` + strings.Repeat("x", 65) + `"}`, "invalid name of an edge"},
		"an unknown cause":   {"/bans", `{"edge": "a", "bans": [{"prefix": "203.0.113.7/32", "cause": "mood"}]}`, "unrecognized cause"},
		"a change of pages":  {"/deny", `{"why": "` + strings.Repeat("x", maxChangeBody), "http: request body too large"},
		"no prefix":          {"/deny", `{"for": "1h"}`, "prefix is missing or not valid"},
		"host bits":          {"/deny", `{"prefix": "203.0.113.7/24", "for": "1h"}`, "prefix is missing or not valid"},
		"a reason of a page": {"/deny", `{"prefix": "203.0.113.7/32", "for": "1h", "why": "` + strings.Repeat("x", 201) + `"}`, "invalid reason: want one line of at most 200 bytes"},
		"a reason of lines":  {"/allow", `{"prefix": "203.0.113.7/32", "why": "a\nb"}`, "invalid reason: want one line"},
		"without a time":     {"/deny", `{"prefix": "203.0.113.7/32"}`, "invalid duration"},
		"for ever":           {"/deny", `{"prefix": "203.0.113.7/32", "for": "10000h"}`, "invalid duration"},
	} {
		status, answer := asked(d, root, "POST", c.uri, c.body)
		if status != http.StatusBadRequest || !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %.200s, want 400 and %s", about, status, answer, c.want)
		}
	}
	if len(f.Denies) > 0 {
		t.Errorf("something was denied: %v", f.Denies)
	}
	if status, answer := asked(d, root, "POST", "/bans", strings.Replace(string(raw), "[{", "[", 1)); status != 400 {
		t.Errorf("broken JSON: %d %.100s", status, answer)
	}
}

// TestSlowPeer sends a part of a request and then nothing.
func TestSlowPeer(t *testing.T) {
	need.Time(t)
	_, socket := serving(t, fakeplane.New(), "")
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
	f := fakeplane.New()
	f.Counts = []scrub.Tally{
		{Policy: "shops", Reason: reason("denied"), Packets: 7, Bytes: 420},
		{Policy: "shops", Reason: reason("fragment"), Watched: 3},
	}
	addr := need.Addr(t)
	d, _ := serving(t, f, "  metrics: "+addr+"\n")
	asked(d, peersock.Peer{UID: 0}, "POST", "/bans", `{"edge": "fra-1", "bans": [{"prefix": "203.0.113.7/32", "cause": "limit", "until": "`+time.Now().Add(time.Minute).Format(time.RFC3339)+`"}]}`)
	asked(d, peersock.Peer{UID: 0}, "POST", "/policy", "")
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
		`theriac_scrub_packets_total{action="dropped",policy="shops",reason="denied"} 7`,
		`theriac_scrub_bytes_total{action="dropped",policy="shops",reason="denied"} 420`,
		`theriac_scrub_watched_total{policy="shops",reason="fragment"} 3`,
		`theriac_scrub_denied{owner="edges"} 1`,
		`theriac_scrub_denied{owner="manual"} 0`,
		`theriac_scrub_attached{interface="lo",mode="native"} 1`,
		`theriac_scrub_pushed_bans_total{outcome="set"} 1`,
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
	r := &rates{read: func() ([]scrub.Tally, error) {
		return []scrub.Tally{{Policy: "shops", Reason: reason("denied"), Packets: packets, Bytes: 100 * packets}}, nil
	}}
	rate := func() float64 {
		rated, err := r.current(now)
		if err != nil {
			t.Fatal(err)
		}
		return rated[0].PacketsPerSecond
	}
	if got := rate(); got != 0 {
		t.Errorf("before the first measurement: %v/s", got)
	}
	for range 20 {
		if err := r.measure(now); err != nil {
			t.Fatal(err)
		}
		now, packets = now.Add(time.Second), packets+500
	}
	if got := rate(); got != 500 {
		t.Errorf("steady: %v/s, want 500", got)
	}
	if got := len(r.past); got > 7 {
		t.Errorf("%d measurements are kept", got)
	}
	packets = 100 // counted from zero
	if got := rate(); got < 0 || got > 100 {
		t.Errorf("counted from zero: %v/s", got)
	}
}

// reason finds a reason by its name.
func reason(name string) scrub.Reason {
	r, err := scrub.ParseReason(name)
	if err != nil {
		panic(err)
	}
	return r
}
