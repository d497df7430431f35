package outbox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/theriac-edge/theriac/alert"
)

// A hook is a receiver of Slack's format that can be down.
type hook struct {
	url   string
	mu    sync.Mutex
	down  bool
	tries int
	took  []string // the texts of what it took
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := new(hook)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.tries++; h.down {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, text, _ := strings.Cut(string(body), `"text":"`)
		text, _, _ = strings.Cut(text, `:`)
		h.took = append(h.took, text)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL + "/SECRET-PATH"
	return h
}

func (h *hook) setDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

func (h *hook) seen() (tries int, took []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tries, slices.Clone(h.took)
}

func (h *hook) config() alert.Config {
	return alert.Config{Webhooks: []alert.Webhook{{URL: h.url, Format: "slack"}}}
}

// begin takes a configuration into force.
func begin(t *testing.T, c alert.Config, edge Edge) *Current {
	t.Helper()
	current := new(Current)
	if err := current.Take(c, "fra-1"); err != nil {
		t.Fatal(err)
	}
	current.InForce(edge)
	return current
}

func quiet() Edge {
	return Edge{
		Log: zap.NewNop(), First: func(context.Context, alert.Event) bool { return true },
		Accepted: func(string, time.Time) {}, Open: func() []alert.Event { return nil },
	}
}

func opened(name string) alert.Event {
	return alert.Event{Incident: name, Kind: alert.Opened, ShopName: name, Words: "Many strangers."}
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// TestReload: an alert that waits survives a reload with the same receivers, and comes once; one
// with other receivers tries it once more, at those before only.
func TestReload(t *testing.T) {
	for name, c := range map[string]struct {
		same, down bool
		want       int // of the alert, at the receiver of before
	}{
		"the same receivers":                    {true, false, 1},
		"other receivers":                       {false, false, 1},
		"other receivers, those before go down": {false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := newHook(t), newHook(t)
			before.setDown(true)
			first := begin(t, before.config(), quiet())
			first.Send(opened("one"))
			eventually(t, "the first try did not come", func() bool { tries, _ := before.seen(); return tries == 1 })
			before.setDown(c.down)
			next := after.config()
			if c.same {
				next = before.config()
			}
			second := begin(t, next, quiet())
			first.End()
			if waits := second.Status()[0].Waiting; (waits == 1) != c.same {
				t.Errorf("after the reload %d wait", waits)
			}
			eventually(t, "the alert still waits", func() bool { return second.Status()[0].Waiting == 0 })
			second.Send(opened("two"))
			second.End()
			_, took := before.seen()
			if n := count(took, "one"); n != c.want {
				t.Errorf("the receivers before took %q", took)
			}
			if _, others := after.seen(); count(others, "one") > 0 || count(others, "two") == 1 == c.same || count(took, "two") == 1 != c.same {
				t.Errorf("before: %q, after: %q", took, others)
			}
		})
	}
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// TestRejectedConfiguration: one that never comes into force takes nothing from the one that is.
func TestRejectedConfiguration(t *testing.T) {
	h := newHook(t)
	inForce := begin(t, h.config(), quiet())
	rejected := new(Current)
	if err := rejected.Take(h.config(), "fra-1"); err != nil {
		t.Fatal(err)
	}
	rejected.End()
	inForce.Send(opened("one"))
	inForce.End()
	if _, took := h.seen(); count(took, "one") != 1 {
		t.Errorf("the receiver took %q", took)
	}
	rejected.Send(opened("two")) // does nothing
	if err := rejected.Take(h.config(), "fra-1"); err != nil || rejected.Status() != nil {
		t.Errorf("after its end: %v, %v", err, rejected.Status())
	}
}

// TestFirst: what another edge has sent is not sent; a queue that is full sends all the same, and
// whoever sends does not wait.
func TestFirst(t *testing.T) {
	h := newHook(t)
	edge, answer := quiet(), make(chan bool)
	edge.First = func(ctx context.Context, e alert.Event) bool { return <-answer }
	current := begin(t, h.config(), edge)
	current.Send(opened("mine"))
	answer <- true
	current.Send(opened("theirs"))
	answer <- false
	// The next waits for the store; the queue behind it is full.
	began := time.Now()
	for range queueSize + 1 {
		current.Send(opened("slow"))
	}
	eventually(t, "the queue is not full", func() bool {
		current.Send(opened("slow"))
		return len(current.box.Load().queue) == queueSize
	})
	current.Send(opened("beyond"))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("sending took %v", took)
	}
	close(answer)
	current.End()
	_, took := h.seen()
	if count(took, "mine") != 1 || count(took, "theirs") != 0 || count(took, "beyond") != 1 {
		t.Errorf("the receiver took %q", took)
	}
}

// TestLog: a receiver that fails is one line for each outcome in a while, at the level that it
// deserves, without its path.
func TestLog(t *testing.T) {
	h := newHook(t)
	h.setDown(true)
	core, logs := observer.New(zap.DebugLevel)
	edge := quiet()
	edge.Log = zap.New(core)
	current := begin(t, h.config(), edge)
	for range 3 {
		current.Send(opened(time.Now().String()))
	}
	eventually(t, "no line of a try", func() bool { return logs.Len() > 0 })
	current.End()
	got := map[string]int{}
	for _, line := range logs.All() {
		got[line.Level.String()+" "+line.Message]++
		if context := line.ContextMap(); context["receiver"] != "slack" || strings.Contains(line.Message, "SECRET") ||
			context["error"] != "alert receiver slack (127.0.0.1): answered Service Unavailable (503)" {
			t.Errorf("%s: %v", line.Message, context)
		}
	}
	if len(got) != 2 || got["error alert not taken: it is a dead letter; `theriac shield alerts test` tries the receiver"] != 1 {
		t.Errorf("lines: %v, want one of each", got)
	}
}
