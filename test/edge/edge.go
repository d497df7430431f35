// Package edge starts real edges for tests: the binary as it ships, each in a
// process of its own, on free loopback ports.
//
// An edge that does not come up, that panics, answers 500 to its admin or logs a key
// twice in a line fails the test with its log.
package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// Edge is one running edge.
type Edge struct {
	// Addr is where it serves HTTP. URL is the same as a URL.
	Addr, URL string

	// Admin is its admin address.
	Admin string

	// PID is its process.
	PID int

	// Where it runs: here, or in a network namespace.
	command func(ctx context.Context, program string, args ...string) *exec.Cmd
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	caddyfile string
	env       []string

	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{}
}

// Start runs an edge with a Caddyfile. In it {$ADDR} is the edge's own free
// address, such as 127.0.0.1:20123, {$PORT} the port of it, and {$ADMIN} the
// address of its admin; a Caddyfile must use the admin's and one of the other
// two. More variables come as "NAME=value".
func Start(t testing.TB, caddyfile string, env ...string) *Edge {
	t.Helper()
	e := &Edge{Addr: need.Addr(t), Admin: need.Addr(t), command: exec.CommandContext, dial: new(net.Dialer).DialContext}
	e.run(t, caddyfile, env)
	return e
}

// run starts the edge, and ends it with the test.
func (e *Edge) run(t testing.TB, caddyfile string, env []string) {
	t.Helper()
	e.URL, e.caddyfile, e.env = "http://"+e.Addr, caddyfile, env
	e.start(t, caddyfile, env)
	t.Cleanup(func() {
		e.Kill()
		if t.Failed() {
			t.Logf("log of the edge at %s:\n%s", e.Addr, e.Log())
		}
		if strings.Contains(e.Log(), "panic") {
			t.Errorf("the edge at %s panicked:\n%s", e.Addr, e.Log())
		}
		for _, fault := range faultyLines(e.Log()) {
			t.Errorf("the edge at %s has logged what is not strict JSON: %s", e.Addr, fault)
		}
	})
}

func (e *Edge) start(t testing.TB, caddyfile string, env []string) {
	t.Helper()
	path := need.Command(t, "theriac")
	dir := t.TempDir()
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	e.log, e.done = new(lockedBuffer), make(chan struct{})
	e.cmd = e.command(context.Background(), path, "run", "--config", config, "--adapter", "caddyfile")
	e.cmd.Env = append(os.Environ(), "ADDR="+e.Addr, "ADMIN="+e.Admin, "PORT="+e.Addr[strings.LastIndexByte(e.Addr, ':')+1:], "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	e.cmd.Env = append(e.cmd.Env, env...)
	e.cmd.Stdout, e.cmd.Stderr = e.log, e.log
	if err := e.cmd.Start(); err != nil {
		t.Fatalf("starting the edge: %v", err)
	}
	e.PID = e.cmd.Process.Pid
	go func() {
		_ = e.cmd.Wait() // killed at the end; what it said is in the log
		close(e.done)
	}()
	e.await(t)
}

// await returns when the edge accepts connections.
func (e *Edge) await(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-e.done:
			t.Fatalf("the edge ended at once:\n%s", e.Log())
		default:
		}
		if conn, err := e.dial(t.Context(), "tcp", e.Addr); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("the edge does not accept connections:\n%s", e.Log())
}

// Reload loads another Caddyfile into the running edge. It knows the same
// variables.
func (e *Edge) Reload(t testing.TB, caddyfile string) {
	t.Helper()
	if status, answer := e.ask(t, http.MethodPost, "/load", "text/caddyfile", strings.NewReader(caddyfile)); status != http.StatusOK {
		t.Fatalf("reloading: %d %s", status, answer)
	}
}

// Get asks the edge's admin API and decodes the answer into v.
func (e *Edge) Get(t testing.TB, path string, v any) {
	t.Helper()
	status, answer := e.ask(t, http.MethodGet, path, "", nil)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, status, answer)
	}
	if err := json.Unmarshal(answer, v); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, answer)
	}
}

// Post sends an order to the edge's admin API.
func (e *Edge) Post(t testing.TB, path, order string) {
	t.Helper()
	if status, answer := e.ask(t, http.MethodPost, path, "application/json", strings.NewReader(order)); status != http.StatusOK {
		t.Fatalf("POST %s: %d %s", path, status, answer)
	}
}

// Metrics is what Prometheus would read.
func (e *Edge) Metrics(t testing.TB) string {
	t.Helper()
	status, answer := e.ask(t, http.MethodGet, "/metrics", "", nil)
	if status != http.StatusOK {
		t.Fatalf("GET /metrics: %d %s", status, answer)
	}
	return string(answer)
}

func (e *Edge) ask(t testing.TB, method, path, contentType string, body io.Reader) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+e.Admin+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	client := http.Client{Transport: &http.Transport{DialContext: e.dial, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("asking the edge's admin: %v", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// Kill ends the edge at once.
func (e *Edge) Kill() {
	_ = e.cmd.Process.Kill()
	<-e.done
}

// Run runs the edge's binary with these arguments, as an operator does beside a
// running edge, and returns what it said and whether that went well.
func Run(t testing.TB, args ...string) (said string, err error) {
	t.Helper()
	path := need.Command(t, "theriac")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	dir := t.TempDir()
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Log is what the edge has written so far.
func (e *Edge) Log() string { return e.log.String() }

// From is a client at a loopback address of its own, such as 127.9.0.1: to
// the edge another client than all others.
func From(source string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: 5 * time.Second}
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// lockedBuffer takes the output of a process while tests read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
