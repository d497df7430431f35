package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/anycast/control"
	"github.com/theriac-edge/theriac/anycast/speaker"
)

// faster is by how much the clock of these tests runs faster.
const faster = 10

// recorder is a speaker that remembers the last announcement.
type recorder struct {
	mu   sync.Mutex
	said anycast.Announcement
	fail error
}

func (r *recorder) Apply(_ context.Context, a anycast.Announcement) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = a
	return r.fail
}

func (r *recorder) Sessions(context.Context) ([]speaker.Session, error) {
	return []speaker.Session{{Peer: "router", Up: true, State: "established"}}, nil
}

func (r *recorder) Close() error { return r.Apply(context.Background(), anycast.Announcement{}) }

func (r *recorder) routes() []anycast.Route {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Routes
}

// flag is a prober whose result can be set.
type flag struct {
	mu  sync.Mutex
	err error
}

func (f *flag) Probe(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *flag) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// edge is a daemon that runs.
type edge struct {
	*Daemon
	said   *recorder
	health *flag
}

func udpAddr(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// tier runs daemons of that many edges, which hear each other.
func tier(t *testing.T, n int) (all []*edge) {
	t.Helper()
	dir, err := os.MkdirTemp("", "anycastd") // short, as the names of sockets must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("s", minSecret)), 0o600); err != nil {
		t.Fatal(err)
	}
	edges := map[string]netip.AddrPort{}
	for i := range n {
		edges[string(rune('a'+i))] = udpAddr(t)
	}
	began := time.Now()
	for name := range edges {
		c := &Config{
			Edge: name, Edges: edges, Keep: 1, Secret: secret, Socket: filepath.Join(dir, name),
			Prefixes: []netip.Prefix{netip.MustParsePrefix("203.0.113.1/32")}, Bird: &Bird{},
		}
		d, err := New(t.Context(), c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		e := &edge{d, new(recorder), new(flag)}
		d.speaker, d.probers, d.every = e.said, []Prober{e.health}, time.Second/faster
		d.now = func() time.Time { return began.Add(faster * time.Since(began)) }
		ctx, stop := context.WithCancel(context.Background())
		ready, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- d.Run(ctx, func() { close(ready) }) }()
		select {
		case <-ready:
		case err := <-ended:
			t.Fatal(err)
		}
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if len(e.said.routes()) > 0 {
				t.Error("a daemon has ended and left its routes")
			}
		})
		all = append(all, e)
	}
	return all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not hold, and would not for 30 s: %s", what)
		}
	}
}

func (e *edge) ask(t *testing.T) (s control.Status) {
	t.Helper()
	if err := control.Call(t.Context(), e.config.Socket, "GET", "/status", nil, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (e *edge) is(t *testing.T, state anycast.State) func() bool {
	return func() bool { return e.ask(t).State == state && state.HasRoutes() == (len(e.said.routes()) > 0) }
}

func TestTwoEdgesNeverBothLeave(t *testing.T) {
	edges := tier(t, 2)
	a, b := edges[0], edges[1]
	eventually(t, "both are announced", func() bool { return a.is(t, anycast.Announced)() && b.is(t, anycast.Announced)() })
	a.health.set(errors.New("no answer"))
	eventually(t, "the one that fails is withdrawn", a.is(t, anycast.Withdrawn))
	b.health.set(errors.New("no answer"))
	eventually(t, "the last one stays, and alarms", func() bool {
		s := b.ask(t)
		return s.Alarm != "" && s.Health == "no answer" && b.is(t, anycast.Leaving)()
	})
	a.health.set(nil)
	eventually(t, "they change places", func() bool { return a.is(t, anycast.Announced)() && b.is(t, anycast.Withdrawn)() })
	if s := a.ask(t); s.Keep != 1 || len(s.Sessions) != 1 || !s.Sessions[0].Up || len(s.Edges) != 1 || s.HandOn.IsZero() {
		t.Errorf("the status is %+v", s)
	}
}

func TestOperatorsDrain(t *testing.T) {
	edges := tier(t, 2)
	a, b := edges[0], edges[1]
	post := func(e *edge, path string, o control.Order) error {
		return control.Call(t.Context(), e.config.Socket, "POST", path, o, nil)
	}
	eventually(t, "both are announced", func() bool { return a.is(t, anycast.Announced)() && b.is(t, anycast.Announced)() })
	if err := errors.Join(post(a, "/drain", control.Order{Why: "kernel update"}), post(b, "/drain", control.Order{Why: "as well"})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is drained, the other waits", func() bool {
		return a.is(t, anycast.Drained)() && b.is(t, anycast.Leaving)() || b.is(t, anycast.Drained)() && a.is(t, anycast.Leaving)()
	})
	for want, err := range map[string]error{
		"being drained already": post(a, "/drain", control.Order{}),
		"invalid reason":        post(a, "/undrain", control.Order{Why: "two\nlines"}),
		"invalid duration":      post(a, "/drain", control.Order{Grace: "soon"}),
		"unknown field":         control.Call(t.Context(), a.config.Socket, "POST", "/drain", map[string]int{"hurry": 1}, nil),
		"404":                   post(a, "/pray", control.Order{}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; want %q", err, want)
		}
	}
	if err := errors.Join(post(a, "/undrain", control.Order{}), post(b, "/undrain", control.Order{})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both return", func() bool { return a.is(t, anycast.Announced)() && b.is(t, anycast.Announced)() })
	var history []anycast.Change
	if err := control.Call(t.Context(), a.config.Socket, "GET", "/history", nil, &history); err != nil || !slices.ContainsFunc(history, func(c anycast.Change) bool { return c.By != "" }) {
		t.Errorf("the history is %+v, %v", history, err)
	}
}

func TestEscalationsOverTheSocket(t *testing.T) {
	e := tier(t, 1)[0]
	post := func(path string, body any) (s anycast.Escalation, err error) {
		return s, control.Call(t.Context(), e.config.Socket, "POST", path, body, &s)
	}
	proof := []anycast.Evidence{{BitsPerSecond: 9e9, From: "uplink"}}
	move := anycast.Escalation{Remedy: anycast.Move, Address: netip.MustParseAddr("203.0.113.1"), Shop: "loewen", Evidence: proof}
	asked, err := post("/escalations", move)
	if err != nil || asked.ID != 1 || len(asked.By) != 1 || asked.By[0] == "" {
		t.Fatalf("a move: %+v, %v", asked, err)
	}
	eventually(t, "half a minute is over", func() bool { return e.now().Sub(asked.Began) > anycast.Settle })
	hole := anycast.Escalation{Remedy: anycast.Blackhole, Address: move.Address, Evidence: proof}
	if asked, err = post("/escalations", hole); err != nil {
		t.Fatal(err)
	}
	for want, path := range map[string]string{
		"another person must confirm": "/escalations/2/confirm",
		"waits for a second person":   "/escalations/2/renew",
		"no escalation 7":             "/escalations/7/end",
		"unrecognized act":            "/escalations/2/bless",
		"is not a number":             "/escalations/two/end",
	} {
		if _, err := post(path, proof[0]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", path, err, want)
		}
	}
	if _, err := post("/escalations", anycast.Escalation{Remedy: anycast.Leave, Evidence: proof}); err == nil || !strings.Contains(err.Error(), "not known") {
		t.Errorf("leaving without a known load: %v", err)
	}
	e.mu.Lock()
	_, err = e.ladder.Confirm(e.now(), asked.ID, "another person")
	e.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the black hole is announced", func() bool {
		return slices.Equal(e.said.routes(), []anycast.Route{{Prefix: e.config.Prefixes[0], Blackhole: true}})
	})
	if _, err := post("/escalations/2/end", proof[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has ended", func() bool {
		return len(e.ask(t).Escalations) == 1 && e.is(t, anycast.Announced)() && !e.said.routes()[0].Blackhole
	})
}

func TestProbers(t *testing.T) {
	status := http.StatusOK
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "health.example" || r.URL.Path != "/healthz" {
			t.Errorf("%s%s was asked for", r.Host, r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	site.Config.ErrorLog = nil
	defer site.Close()
	h := Health{Addresses: []netip.AddrPort{netip.MustParseAddrPort(site.Listener.Addr().String())}, Host: "health.example", Path: "/healthz"}
	if wrong := probe(t.Context(), h.probers()); wrong != "" {
		t.Errorf("a site that answers: %s", wrong)
	}
	status = http.StatusServiceUnavailable
	if wrong := probe(t.Context(), h.probers()); !strings.Contains(wrong, "status 503") {
		t.Errorf("a site that drains: %q", wrong)
	}
	status = http.StatusOK
	h.Link = "nosuchlink0"
	if wrong := probe(t.Context(), h.probers()); !strings.Contains(wrong, "link nosuchlink0") {
		t.Errorf("a link that there is not: %q", wrong)
	}
	h.Link, h.Scrubd = "", filepath.Join(t.TempDir(), "s")
	if wrong := probe(t.Context(), h.probers()); wrong != "" {
		t.Errorf("a scrubd that does not run: %s", wrong)
	}
	l, err := net.Listen("unix", h.Scrubd)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"attached":[{"interface":"eth0"}]}`
	scrubd := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })}
	go func() { _ = scrubd.Serve(l) }()
	defer scrubd.Close()
	if wrong := probe(t.Context(), h.probers()); wrong != "" {
		t.Errorf("a scrubd that is attached: %s", wrong)
	}
	body = `{"attached":[{"interface":"eth0","detached":true}]}`
	if wrong := probe(t.Context(), h.probers()); wrong != "scrubd: not attached to eth0" {
		t.Errorf("a scrubd that is not attached: %q", wrong)
	}
	site.Close()
	if wrong := probe(t.Context(), h.probers()[:1]); !strings.Contains(wrong, "connection refused") || strings.Contains(wrong, "healthz") {
		t.Errorf("a site that is gone: %q", wrong)
	}
}

func TestEstablishedConnectionsAreCounted(t *testing.T) {
	const table = `  sl  local_address rem_address   st
   0: 017100CB:01BB 0100007F:1F90 01 00000000:00000000
   1: 017100CB:01BB 0100007F:1F91 06 00000000:00000000
   2: 017100CB:0050 0100007F:1F92 01 00000000:00000000
   3: 0000000000000000FFFF0000017100CB:01BB 00000000000000000000000000000000:0000 01
   4: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 01
   5: xyz:01BB 0 01
`
	addrs := []netip.AddrPort{netip.MustParseAddrPort("203.0.113.1:443"), netip.MustParseAddrPort("[2001:db8::1]:443")}
	if n := established(strings.NewReader(table), addrs); n != 3 {
		t.Errorf("%d connections, there are 3", n)
	}
}
