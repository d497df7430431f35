package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
)

// daemon only listens, and answers what the test wants.
type daemon struct {
	address string
	server  *http.Server

	mu       sync.Mutex
	response SyncResponse
	told     map[netip.Prefix]PushedBan
	times    map[netip.Prefix]int // how often
	at       time.Time            // of the last request with bans
	asked    atomic.Int64
	hang     chan struct{} // answers nothing until it is closed
	broken   atomic.Bool   // answers 404
}

// listen starts a daemon at path.
func listen(t *testing.T, path, instance string) *daemon {
	t.Helper()
	s := &daemon{
		address: "unix/" + path, response: SyncResponse{Instance: instance},
		told: map[netip.Prefix]PushedBan{}, times: map[netip.Prefix]int{},
	}
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s.server = &http.Server{Handler: s}
	go func() { _ = s.server.Serve(socket) }() // ends with Close
	t.Cleanup(func() { _ = s.server.Close() })
	return s
}

func (s *daemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	if s.hang != nil {
		select {
		case <-s.hang:
		case <-r.Context().Done():
			return
		}
	}
	if s.broken.Load() {
		http.NotFound(w, r)
		return
	}
	var v SyncRequest
	if r.Method != http.MethodPost || r.URL.Path != Path || json.NewDecoder(r.Body).Decode(&v) != nil {
		http.Error(w, "not as agreed", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range v.Bans {
		s.told[b.Prefix] = b
		s.times[b.Prefix]++
		s.at = time.Now()
	}
	if len(v.Bans) > MaxBatch {
		http.Error(w, "too many", http.StatusRequestEntityTooLarge)
		return
	}
	_ = json.NewEncoder(w).Encode(s.response)
	s.response.Hits = nil
}

// count is how many prefixes it knows, and how often it was told of one.
func (s *daemon) count(of netip.Prefix) (all, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told), s.times[of]
}

// source is the nth address of an attack.
func source(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
}

func lasting(d time.Duration) ban.Ban {
	now := time.Now()
	return ban.Ban{Cause: ban.ByLimit, Told: now, Until: now.Add(d)}
}

// none is the set of wanted bans of an edge without bans.
func none() map[netip.Prefix]ban.Ban { return nil }

// idle is a client that is not connected.
func idle() *Client {
	c := New(Options{Renew: func(netip.Prefix, ban.Ban, time.Time) {}, OnChange: func(Status) {}})
	c.use("unix//nowhere")
	return c
}

func (c *Client) use(address string) { c.Use(address, none) }

// batchOf is what a client would send now.
func (c *Client) batchOf(now time.Time) batch {
	b, _ := c.next(now)
	return b
}

// running is a client at work. The counter says how often its state has changed.
func running(t *testing.T, address string) (c *Client, changes *atomic.Int64) {
	t.Helper()
	changes = new(atomic.Int64)
	c = New(Options{
		Node:     func() string { return "edge" },
		Renew:    func(netip.Prefix, ban.Ban, time.Time) {},
		OnChange: func(Status) { changes.Add(1) },
	})
	c.use(address)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return c, changes
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestBansArriveSoon: within 50 ms, several in one request, and lifted ones as
// soon. The fastest of ten batches is held to it, since a busy machine delays any.
func TestBansArriveSoon(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	c, _ := running(t, s.address)
	eventually(t, "it says hello", func() bool { return s.asked.Load() > 0 })
	fastest := time.Hour
	for n := range 10 {
		before, began := s.asked.Load(), time.Now()
		for m := range 100 {
			c.Push(source(100*n+m), lasting(time.Minute))
		}
		eventually(t, "bans arrive", func() bool { all, _ := s.count(source(0)); return all == 100*(n+1) })
		s.mu.Lock()
		fastest = min(fastest, s.at.Sub(began))
		s.mu.Unlock()
		if requests := s.asked.Load() - before; requests > 2 {
			t.Errorf("100 bans came in %d requests", requests)
		}
	}
	if fastest > 50*time.Millisecond {
		t.Errorf("the fastest of 10 batches took %s, want 50ms at most", fastest)
	}
	c.Lift(source(7))
	eventually(t, "one is lifted", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.told[source(7)].Until.IsZero()
	})
}

// TestManyBansFitIntoRequests of MaxBatch each.
func TestManyBansFitIntoRequests(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	c, _ := running(t, s.address)
	for n := range 5000 {
		c.Push(source(n), lasting(time.Minute))
	}
	eventually(t, "all arrive", func() bool { return c.Status().Pushed == 5000 })
	if all, _ := s.count(source(0)); all != 5000 {
		t.Errorf("%d arrived", all)
	}
	if got := c.Status(); got.Bans != 5000 || got.Pending != 0 || !got.Answers {
		t.Errorf("the status is %+v", got)
	}
}

// TestAbsentDaemon: no caller waits for it, operators are told once, and when it
// comes it is told all that still holds, and nothing else.
func TestAbsentDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c, changes := running(t, "unix/"+path)
	c.Push(source(0), lasting(time.Minute))
	c.Push(source(1), lasting(50*time.Millisecond))
	eventually(t, "operators are told", func() bool { return changes.Load() == 1 })
	began := time.Now()
	for n := range 10000 {
		c.Push(source(2+n), lasting(time.Minute))
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("10000 bans took %s", took)
	}
	time.Sleep(600 * time.Millisecond) // two more tries
	if got := changes.Load(); got != 1 {
		t.Errorf("operators were told %d times", got)
	}
	if got := c.Status(); got.Answers || got.Reason == "" || got.Pending < 10001 {
		t.Errorf("the status is %+v", got)
	}
	s := listen(t, path, "a")
	eventually(t, "it is told", func() bool { all, _ := s.count(source(0)); return all == 10001 })
	if _, times := s.count(source(1)); times != 0 {
		t.Error("it was told of a ban that was over")
	}
	eventually(t, "operators are told that it is back", func() bool { return changes.Load() == 2 })
}

// TestHungDaemon: one that accepts connections and does not answer is given up
// after a second, and slows no caller.
func TestHungDaemon(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	s.hang = make(chan struct{})
	c, changes := running(t, s.address)
	eventually(t, "it is asked", func() bool { return s.asked.Load() == 1 })
	began := time.Now()
	for n := range 1000 {
		c.Push(source(n), lasting(time.Minute))
	}
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("1000 bans took %s while it hung", took)
	}
	eventually(t, "operators are told", func() bool { return changes.Load() == 1 })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it was given up after %s", took)
	}
	close(s.hang)
	eventually(t, "it is told", func() bool { all, _ := s.count(source(0)); return all == 1000 })
}

// TestRestartedDaemon has forgotten its bans, so it is told again; one that goes
// on is not.
func TestRestartedDaemon(t *testing.T) {
	for instance, want := range map[string]int{"a": 1, "b": 2} {
		t.Run(fmt.Sprintf("from a to %s", instance), func(t *testing.T) {
			s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
			c, _ := running(t, s.address)
			c.Push(source(0), lasting(time.Minute))
			eventually(t, "it is told", func() bool { _, times := s.count(source(0)); return times == 1 })
			s.mu.Lock()
			s.response.Instance = instance
			s.mu.Unlock()
			asked := s.asked.Load()
			eventually(t, "it is asked twice more", func() bool { return s.asked.Load() >= asked+2 })
			time.Sleep(50 * time.Millisecond)
			if _, times := s.count(source(0)); times != want {
				t.Errorf("told %d times, want %d", times, want)
			}
		})
	}
}

// TestRefusingDaemon: what it does not apply is known, with the reason; an answer
// that is not as agreed counts as none.
func TestRefusingDaemon(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	s.response.Refused = []Refused{{Prefix: source(0), Reason: "the shop's limit"}}
	c, changes := running(t, s.address)
	c.Push(source(0), lasting(time.Minute))
	eventually(t, "the reason is known", func() bool { got, _ := c.Find(source(0)); return got.Refused == "the shop's limit" })
	if got := c.Status(); got.Refused != 1 {
		t.Errorf("the status is %+v", got)
	}
	s.broken.Store(true)
	eventually(t, "operators are told", func() bool { return changes.Load() == 2 })
	if got := c.Status(); got.Answers {
		t.Errorf("the status is %+v", got)
	}
}

// TestAnotherDaemon: from a reload on that names another one, that is told, and
// the one before is not, though both are there.
func TestAnotherDaemon(t *testing.T) {
	dir := t.TempDir()
	first, second := listen(t, filepath.Join(dir, "first"), "a"), listen(t, filepath.Join(dir, "second"), "b")
	c, _ := running(t, first.address)
	c.Push(source(0), lasting(time.Minute))
	eventually(t, "the first is told", func() bool { all, _ := first.count(source(0)); return all == 1 })
	c.use(second.address)
	c.Push(source(1), lasting(time.Minute))
	eventually(t, "the ban arrives", func() bool {
		one, _ := first.count(source(1))
		two, _ := second.count(source(1))
		return one+two > 0
	})
	time.Sleep(100 * time.Millisecond)
	if _, times := first.count(source(1)); times > 0 {
		t.Error("the one before is told")
	}
}
