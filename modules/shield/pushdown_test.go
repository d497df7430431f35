package shield

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

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/theriac-edge/theriac/shop/ban"
)

// scrubber is one that only listens, and says what the test wants.
type scrubber struct {
	address string
	server  *http.Server

	mu     sync.Mutex
	answer wire.Judgement
	told   map[netip.Prefix]wire.Verdict
	times  map[netip.Prefix]int // how often
	at     time.Time            // of the last message with verdicts
	asked  atomic.Int64
	hang   chan struct{} // answers nothing until it is closed
	broken atomic.Bool   // answers 404
}

// listen starts a scrubber at path.
func listen(t *testing.T, path, boot string) *scrubber {
	t.Helper()
	s := &scrubber{
		address: "unix/" + path, answer: wire.Judgement{Boot: boot},
		told: map[netip.Prefix]wire.Verdict{}, times: map[netip.Prefix]int{},
	}
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s.server = &http.Server{Handler: s}
	go func() { _ = s.server.Serve(socket) }() // ends with Close
	t.Cleanup(s.close)
	return s
}

func (s *scrubber) close() { _ = s.server.Close() }

func (s *scrubber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	var v wire.Verdicts
	if r.Method != http.MethodPost || r.URL.Path != "/bans" || json.NewDecoder(r.Body).Decode(&v) != nil {
		http.Error(w, "not as agreed", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, verdict := range v.Verdicts {
		s.told[verdict.Prefix] = verdict
		s.times[verdict.Prefix]++
		s.at = time.Now()
	}
	if len(v.Verdicts) > wire.MaxVerdicts {
		http.Error(w, "too many", http.StatusRequestEntityTooLarge)
		return
	}
	_ = json.NewEncoder(w).Encode(s.answer)
	s.answer.Hits = nil
}

// count is how many prefixes it knows, and how often it was told of the first.
func (s *scrubber) count(of netip.Prefix) (all, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told), s.times[of]
}

// source is the nth address of an attack.
func source(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 32)
}

func lasting(d time.Duration) ban.Ban {
	now := time.Now()
	return ban.Ban{Cause: ban.ByLimit, Told: now, Until: now.Add(d)}
}

// talking is an edge's side, at work. The counter says how often its state has
// changed.
func talking(t *testing.T, address string) (b *below, changes *atomic.Int64) {
	t.Helper()
	changes = new(atomic.Int64)
	b = newBelow(func(netip.Prefix, ban.Ban, time.Time) {}, func(Below) { changes.Add(1) })
	b.use(address, nobody)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.talk(ctx, func() string { return "edge" })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return b, changes
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestVerdictsArriveSoon: within 50 ms, several in one message, and lifted ones
// as soon.
func TestVerdictsArriveSoon(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	b, _ := talking(t, s.address)
	eventually(t, "it says hello", func() bool { return s.asked.Load() > 0 })
	var slowest time.Duration
	for n := range 10 {
		before, began := s.asked.Load(), time.Now()
		for m := range 100 {
			b.pass(source(100*n+m), lasting(time.Minute))
		}
		eventually(t, "verdicts arrive", func() bool { all, _ := s.count(source(0)); return all == 100*(n+1) })
		s.mu.Lock()
		slowest = max(slowest, s.at.Sub(began))
		s.mu.Unlock()
		if messages := s.asked.Load() - before; messages > 2 {
			t.Errorf("100 verdicts came in %d messages", messages)
		}
	}
	t.Logf("the slowest of 10 batches took %s", slowest)
	if slowest > 50*time.Millisecond {
		t.Errorf("a batch took %s, want 50ms at most", slowest)
	}
	b.lift(source(7), ban.Ban{})
	eventually(t, "one is lifted", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.told[source(7)].Until.IsZero()
	})
}

// TestManyVerdictsFitIntoMessages of MaxVerdicts each.
func TestManyVerdictsFitIntoMessages(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	b, _ := talking(t, s.address)
	for n := range 5000 {
		b.pass(source(n), lasting(time.Minute))
	}
	eventually(t, "all arrive", func() bool { return b.report().Passed == 5000 })
	if all, _ := s.count(source(0)); all != 5000 {
		t.Errorf("%d arrived", all)
	}
	if got := b.report(); got.Verdicts != 5000 || got.Due != 0 || !got.Answers {
		t.Errorf("the report is %+v", got)
	}
}

// TestAbsentScrubber: nobody waits for it, people are told once, and when it
// comes it is told all that still holds, and nothing else.
func TestAbsentScrubber(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	b, changes := talking(t, "unix/"+path)
	b.pass(source(0), lasting(time.Minute))
	b.pass(source(1), lasting(50*time.Millisecond))
	eventually(t, "people are told", func() bool { return changes.Load() == 1 })
	began := time.Now()
	for n := range 10000 {
		b.pass(source(2+n), lasting(time.Minute))
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("10000 verdicts took %s", took)
	}
	time.Sleep(600 * time.Millisecond) // two more tries
	if got := changes.Load(); got != 1 {
		t.Errorf("people were told %d times", got)
	}
	if got := b.report(); got.Answers || got.Reason == "" || got.Due < 10001 {
		t.Errorf("the report is %+v", got)
	}
	s := listen(t, path, "a")
	eventually(t, "it is told", func() bool { all, _ := s.count(source(0)); return all == 10001 })
	if _, times := s.count(source(1)); times != 0 {
		t.Error("it was told of a ban that was over")
	}
	eventually(t, "people are told that it is back", func() bool { return changes.Load() == 2 })
}

// TestHungScrubber: one that takes connections and does not answer is given up
// after a second, and slows nobody.
func TestHungScrubber(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	s.hang = make(chan struct{})
	b, changes := talking(t, s.address)
	eventually(t, "it is asked", func() bool { return s.asked.Load() == 1 })
	began := time.Now()
	for n := range 1000 {
		b.pass(source(n), lasting(time.Minute))
	}
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("1000 verdicts took %s while it hung", took)
	}
	eventually(t, "people are told", func() bool { return changes.Load() == 1 })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it was given up after %s", took)
	}
	close(s.hang)
	eventually(t, "it is told", func() bool { all, _ := s.count(source(0)); return all == 1000 })
}

// TestRestartedScrubber has forgotten its verdicts, so it is told again; one
// that goes on is not.
func TestRestartedScrubber(t *testing.T) {
	for boot, want := range map[string]int{"a": 1, "b": 2} {
		t.Run(fmt.Sprintf("from a to %s", boot), func(t *testing.T) {
			s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
			b, _ := talking(t, s.address)
			b.pass(source(0), lasting(time.Minute))
			eventually(t, "it is told", func() bool { _, times := s.count(source(0)); return times == 1 })
			s.mu.Lock()
			s.answer.Boot = boot
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

// TestRefusingScrubber: what it does not carry out is known, with the reason; an
// answer that is none counts as none.
func TestRefusingScrubber(t *testing.T) {
	s := listen(t, filepath.Join(t.TempDir(), "s"), "a")
	s.answer.Refused = []wire.Refused{{Prefix: source(0), Why: "the shop's cap"}}
	b, changes := talking(t, s.address)
	b.pass(source(0), lasting(time.Minute))
	eventually(t, "the reason is known", func() bool { return b.dropped()[source(0)].why == "the shop's cap" })
	if got := b.report(); got.Refused != 1 {
		t.Errorf("the report is %+v", got)
	}
	s.broken.Store(true)
	eventually(t, "people are told", func() bool { return changes.Load() == 2 })
	if got := b.report(); got.Answers {
		t.Errorf("the report is %+v", got)
	}
}

// TestBanThatWorksGoesOn: a flood in its last part renews a ban, a browser's
// retries and silence do not, and what came before does not count.
func TestBanThatWorksGoesOn(t *testing.T) {
	for _, c := range []struct {
		what      string
		early     uint64 // packets a second at first
		late      uint64 // and in the end
		cause     ban.Cause
		wantRenew bool
	}{
		{"a flood", 5000, 5000, ban.ByLimit, true},
		{"a flood that began late", 0, 100, ban.ByLimit, true},
		{"silence", 0, 0, ban.ByLimit, false},
		{"a flood that has ended", 5000, 0, ban.ByLimit, false},
		{"a browser that tries again", 5, 5, ban.ByLimit, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			var renewed []ban.Ban
			b := newBelow(func(_ netip.Prefix, ban ban.Ban, _ time.Time) { renewed = append(renewed, ban) }, func(Below) {})
			b.use("unix//nowhere", nobody)
			ban := lasting(30 * time.Second)
			ban.Cause = c.cause
			b.pass(source(0), ban)
			for at := time.Second; at < 30*time.Second; at += time.Second {
				hits := c.early
				if at > 20*time.Second {
					hits = c.late
				}
				b.judged(nil, wire.Judgement{Boot: "a", Hits: []wire.Hit{{Prefix: source(0), Packets: hits}}}, ban.Told.Add(at))
				if len(renewed) > 0 {
					break // the store would now say that it goes on
				}
			}
			if got := len(renewed) > 0; got != c.wantRenew {
				t.Errorf("renewed: %v, want %v", got, c.wantRenew)
			}
		})
	}
}

// TestVerdictsAreBounded: what does not fit is counted and left out.
func TestVerdictsAreBounded(t *testing.T) {
	b := newBelow(nil, func(Below) {})
	b.use("unix//nowhere", nobody)
	for n := range maxVerdicts + 10 {
		b.pass(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32), lasting(time.Minute))
	}
	if got := b.report(); got.Verdicts != maxVerdicts || got.Due != maxVerdicts || got.Dropped != 10 {
		t.Errorf("the report is %+v", got)
	}
}

// TestLongBansArePassedAgain: a ban that lasts longer than the scrubber holds a
// verdict is passed again in time, and not before.
func TestLongBansArePassedAgain(t *testing.T) {
	b := newBelow(nil, func(Below) {})
	b.use("unix//nowhere", nobody)
	ban := lasting(24 * time.Hour)
	b.pass(source(0), ban)
	b.batch(time.Now())
	for _, c := range []struct {
		at   time.Duration
		want int
	}{{tellAgain / 2, 0}, {tellAgain + time.Minute, 1}} {
		b.judged(nil, wire.Judgement{Boot: "a"}, time.Now().Add(c.at))
		if got, _, _ := b.batch(time.Now()); len(got) != c.want {
			t.Errorf("after %s %d verdicts are due, want %d", c.at, len(got), c.want)
		}
	}
}
