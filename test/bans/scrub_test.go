package bans

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// scrubber stands in for scrubd: it writes down what edges pass to it, and says
// what it dropped. test/scrub shows what the real one does with bans.
type scrubber struct {
	path string

	mu   sync.Mutex
	bans map[netip.Prefix]wire.PushedBan
	hits uint64 // of each prefix, in each answer
	hang chan struct{}
}

func newScrubber(t testing.TB) *scrubber {
	t.Helper()
	s := &scrubber{path: filepath.Join(t.TempDir(), "s"), bans: make(map[netip.Prefix]wire.PushedBan)}
	socket, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s}
	go func() { _ = server.Serve(socket) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return s
}

func (s *scrubber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hang != nil {
		<-s.hang
	}
	var batch wire.SyncRequest
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range batch.Bans {
		s.bans[v.Prefix] = v
	}
	answer := wire.SyncResponse{Instance: "1"}
	for prefix, v := range s.bans {
		if s.hits > 0 && time.Now().Before(v.Until) {
			answer.Hits = append(answer.Hits, wire.Hit{Prefix: prefix, Packets: s.hits})
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// verdict is what was passed for an address.
func (s *scrubber) verdict(client string) (wire.PushedBan, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.bans[netip.PrefixFrom(netip.MustParseAddr(client), 32)]
	return v, ok
}

// drops has the scrubber drop so many packets of each prefix a second.
func (s *scrubber) drops(packets uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits = packets
}

// TestBansArePassedDown: within a second of the penalty the scrubber below that
// edge knows the address, and the one below another edge when the client comes
// there; a ban of one shop, or one that guards an allowed address, is not
// passed; unban lifts it below both.
func TestBansArePassedDown(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	backend, redis := kit.NewBackend(t), need.Redis(t)
	below := []*scrubber{newScrubber(t), newScrubber(t)}
	var edges []*edge.Edge
	for _, s := range below {
		edges = append(edges, edge.Start(t, kit.Global("secret "+kit.Secret+"\nredis redis://"+redis.Addr+"\nnever_ban 127.23.9.9\nscrubd unix/"+s.path)+
			kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, ""))))
	}
	for _, e := range edges {
		kit.Eventually(t, 10*time.Second, "counts are shared", func() bool { return kit.StatusOf(t, e).Store.Shared })
	}
	begin := time.Now()
	pester(t, edge.From("127.23.0.1"), edges[0].URL)
	var passed wire.PushedBan
	kit.Eventually(t, time.Second, "the scrubber knows the address", func() (ok bool) {
		passed, ok = below[0].verdict("127.23.0.1")
		return ok
	})
	t.Logf("passed down %s after the first of its requests", time.Since(begin).Round(time.Millisecond))
	if left := time.Until(passed.Until); passed.Cause != ban.ByLimit || left < 50*time.Second || left > time.Minute {
		t.Errorf("the verdict is %+v", passed)
	}
	kit.Eventually(t, time.Second, "the other edge knows of the ban", func() bool { return len(kit.BansOf(t, edges[1]).Bans) == 1 })
	if b := kit.BansOf(t, edges[1]).Bans[0]; b.Client != "" || b.Key == "" {
		t.Errorf("the other edge knows %+v before the client came there", b)
	}
	if _, ok := below[1].verdict("127.23.0.1"); ok {
		t.Error("the other scrubber knows the address before the client came there")
	}
	open(t, "127.23.0.1", edges[1].URL)
	kit.Eventually(t, time.Second, "the other scrubber knows the address", func() bool { _, ok := below[1].verdict("127.23.0.1"); return ok })
	for _, args := range [][]string{{"ban", "127.23.1.1", "--shop", "loewen"}, {"ban", "127.23.9.0/24"}} {
		if said, err := kit.Shield(t, edges[0], args...); err != nil {
			t.Errorf("%v: %v: %s", args, err, said)
		}
	}
	below[0].drops(7)
	kit.Eventually(t, 5*time.Second, "people see what was dropped", func() bool {
		return slices.ContainsFunc(kit.BansOf(t, edges[0]).Bans, func(b kit.Ban) bool {
			return b.Client == "127.23.0.1" && b.Pushed && b.Packets >= 7
		})
	})
	if said, err := kit.Shield(t, edges[0], "unban", "127.23.0.1"); err != nil {
		t.Errorf("unban: %v: %s", err, said)
	}
	for i := range below {
		kit.Eventually(t, time.Second, "the verdict is lifted", func() bool {
			v, ok := below[i].verdict("127.23.0.1")
			return ok && v.Until.IsZero()
		})
	}
	below[0].mu.Lock()
	defer below[0].mu.Unlock()
	if len(below[0].bans) != 1 {
		t.Errorf("the scrubber was told more than one: %v", below[0].bans)
	}
}

// TestBanThatWorksIsRenewed: while the scrubber drops a flood of a client its ban
// goes on; when that falls silent it ends, and the client is let in.
func TestBanThatWorksIsRenewed(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	t.Parallel()
	backend, below := kit.NewBackend(t), newScrubber(t)
	e := edge.Start(t, kit.Global("scrubd unix/"+below.path)+kit.Site(kit.AnyHost, strict("loewen", 4*time.Second, backend.Addr, "")))
	below.drops(1000)
	pester(t, edge.From("127.24.0.1"), e.URL)
	var first time.Time
	kit.Eventually(t, time.Second, "he is banned", func() bool {
		bans := kit.BansOf(t, e).Bans
		if len(bans) == 1 {
			first = bans[0].Until
		}
		return len(bans) == 1
	})
	kit.Eventually(t, 6*time.Second, "the ban goes on", func() bool {
		bans := kit.BansOf(t, e).Bans
		return len(bans) == 1 && bans[0].Until.Sub(first) > 4*time.Second
	})
	below.drops(1) // a browser that tries again
	kit.Eventually(t, 12*time.Second, "it ends", func() bool { return len(kit.BansOf(t, e).Bans) == 0 })
	if got := open(t, "127.24.0.1", e.URL); got.Status != http.StatusOK {
		t.Errorf("when it is over: status %d", got.Status)
	}
}

// TestScrubberSlowsNobody: absent or hung, requests take no longer, bans hold at
// the edge, and people are told once. Over a reload the edge goes on trying.
func TestScrubberSlowsNobody(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	backend := kit.NewBackend(t)
	hung := newScrubber(t)
	hung.hang = make(chan struct{})
	defer close(hung.hang)
	for what, path := range map[string]string{"absent": filepath.Join(t.TempDir(), "s"), "hung": hung.path} {
		t.Run(what, func(t *testing.T) {
			page := func(name string) string {
				return kit.Global("secret "+kit.Secret+"\nscrubd unix/"+path) + kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "name "+name))
			}
			e := edge.Start(t, page("A"))
			pester(t, edge.From("127.25.0.1"), e.URL)
			kit.Eventually(t, time.Second, "the ban holds here", func() bool { return isBan(open(t, "127.25.0.1", e.URL)) })
			slowest := time.Duration(0)
			for range 200 {
				begin := time.Now()
				open(t, "127.25.0.1", e.URL)
				slowest = max(slowest, time.Since(begin))
			}
			t.Logf("the slowest of 200 refusals took %s", slowest)
			if slowest > 250*time.Millisecond { // the scrubber has a second
				t.Errorf("a refusal took %s", slowest)
			}
			kit.Eventually(t, 5*time.Second, "people are told", func() bool {
				said, err := kit.Shield(t, e, "status")
				return err == nil && strings.Contains(said, "NO ANSWER since")
			})
			e.Reload(t, page("B"))
			time.Sleep(2 * time.Second)
			if got := strings.Count(e.Log(), "the scrubber does not answer"); got != 1 {
				t.Errorf("the log says %d times that it does not answer", got)
			}
			if !strings.Contains(e.Metrics(t), "theriac_scrubber_up 0") {
				t.Error("the metrics do not say so")
			}
		})
	}
}
