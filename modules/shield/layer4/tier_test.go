package layer4

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/test/sample"
	"github.com/theriac-edge/theriac/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// alone is an edge with counters of its own, and without scrubd.
func alone(name string) (*Tier, *Counters) {
	c := new(Counters)
	return New(Options{Node: func() string { return name }, Scrubd: func() string { return "" }, Counters: c}), c
}

// TestThreeEdges: a flood of handshakes at three edges, each of which refuses less than is an attack.
// A third of the messages is lost, and one edge is started again. Every edge sees one incident,
// prepared for, with the onset right to two seconds, and nothing before. An edge that hears only
// itself sees nothing: that is the control.
func TestThreeEdges(t *testing.T) {
	const calm, flood, after = 20, 30, 320 // seconds
	random := rand.New(rand.NewPCG(3, 4))
	var tiers [4]*Tier
	var counters [4]*Counters
	var recorders [4]incident.Recorder
	var changes [4][]incident.Change
	for i := range tiers {
		tiers[i], counters[i] = alone(fmt.Sprint("fra-", i))
	}
	for second := range calm + flood + after {
		now := epoch.Add(time.Duration(second) * time.Second)
		attacked := second >= calm && second < calm+flood
		for range 80 {
			for i := range counters {
				if attacked {
					counters[i].Stop(watch.TLSFlood, watch.ByGate)
				}
				counters[i].Pass(watch.SlowHeader, watch.ByGate) // in shadow
			}
		}
		if second == calm+flood/2 {
			tiers[2], counters[2] = alone("fra-2")
		}
		for from := range 3 {
			message := tiers[from].Message(now)
			for to := range 3 {
				if to == from || random.IntN(3) > 0 {
					tiers[to].Hear(message, now)
				}
			}
		}
		tiers[3].Hear(tiers[3].Message(now), now)
		for i := range tiers {
			m, sign := tiers[i].Tick(now, now)
			if m.Shop != "" || sign != m.Hot && len(m.Sights) == 0 || i == 3 && len(m.Sights) > 0 {
				t.Fatalf("second %d, edge %d: %+v, %t", second, i, m, sign)
			}
			m.Second.Customers, m.Second.Served = 5, 5
			changes[i] = append(changes[i], recorders[i].Step(now, []incident.Moment{m})...)
		}
	}
	for i := range 2 { // 2 was started again, and 3 is the control
		var closed []*incident.Record
		for _, change := range changes[i] {
			if change.What == incident.Closed {
				closed = append(closed, change.Record)
			}
		}
		if len(closed) != 1 || len(closed[0].Shops[0].Vectors) != 1 {
			t.Fatalf("edge %d: %d incidents: %+v", i, len(closed), closed)
		}
		r, line := closed[0], incident.Ledger(closed[0], incident.DefaultTargets())[0]
		v := r.Shops[0].Vectors[0]
		off := v.Onset.Sub(epoch.Add(calm * time.Second))
		if line.Vector != "tls-flood" || line.Result != incident.Met || *line.Mitigate != 0 || !v.Prepared || off < 0 || off > 2*time.Second {
			t.Errorf("edge %d: %s, onset off by %s, prepared %t, result %s, %+v", i, line.Vector, off, v.Prepared, line.Result, line)
		}
		stopped := r.Shops[0].Stopped[watch.ByGate]
		if most := int64(3 * 80 * flood); stopped < most*8/10 || stopped > most {
			t.Errorf("edge %d: %d connections were stopped, want nearly %d", i, stopped, most)
		}
	}
	if len(changes[3]) > 0 {
		t.Errorf("an edge that hears only itself: %+v", changes[3])
	}
}

// TestMessagesThatAreNone change nothing.
func TestMessagesThatAreNone(t *testing.T) {
	a, counters := alone("fra-1")
	a.Message(epoch)
	for _, message := range []string{"", "\x01", "\x02xxxxxxxxxxx", string(make([]byte, 1<<20)), "192.0.2.1"} {
		a.Hear(message, epoch)
	}
	for range 200 {
		counters.Stop(watch.TLSFlood, watch.ByGate)
	}
	now := epoch.Add(time.Second)
	own := a.Message(now)
	a.Hear(own, now)
	if m, _ := a.Tick(now, now); len(m.Sights) != 1 || m.Sights[0].Arrived != 200 || m.Sights[0].Stopped[watch.ByGate] != 200 {
		t.Errorf("it sees %+v, want 200 once", m.Sights)
	}
}

// scrubd only counts, at an address of its own.
type scrubd struct {
	address string
	mu      sync.Mutex
	counts  client.Counts
	hangs   atomic.Bool
	asked   atomic.Int64
}

func listen(t *testing.T) *scrubd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &scrubd{address: "unix/" + path}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.hangs.Load() {
			<-r.Context().Done()
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(s.counts)
	})}
	go func() { _ = server.Serve(socket) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// TestSlowScrubdDelaysNobody: while scrubd hangs, messages are made as before, and what it has counted
// meanwhile is told when it answers again.
func TestSlowScrubdDelaysNobody(t *testing.T) {
	t.Parallel()
	s := listen(t)
	s.counts = client.Counts{Instance: "1", Reasons: dropped("port", 5)}
	a := New(Options{Node: func() string { return "fra-1" }, Scrubd: func() string { return s.address }, Counters: new(Counters)})
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	defer running.Wait()
	defer end()
	told := func() uint64 {
		r, err := watch.ParseTierReport([]byte(a.Message(time.Now())))
		if err != nil {
			t.Fatal(err)
		}
		return r.Counts.Stopped[watch.UDP][watch.ByScrub]
	}
	sample.Within(t, 10*time.Second, "scrubd is read", func() bool { return s.asked.Load() > 1 })
	s.hangs.Store(true)
	asked := s.asked.Load()
	sample.Within(t, 10*time.Second, "it is asked, and hangs", func() bool { return s.asked.Load() > asked })
	s.mu.Lock()
	s.counts.Reasons = dropped("port", 105)
	s.mu.Unlock()
	began := time.Now()
	for range 1000 {
		if n := told(); n != 0 {
			t.Fatalf("%d are told while scrubd hangs", n)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("1,000 messages took %s while scrubd hangs", took)
	}
	s.hangs.Store(false)
	sample.Within(t, 20*time.Second, "all is told", func() bool { return told() == 100 })
}

// TestCountingAllocatesNothing: the gate counts with each connection that it refuses.
func TestCountingAllocatesNothing(t *testing.T) {
	c := new(Counters)
	if n := testing.AllocsPerRun(100, func() { c.Stop(watch.TLSFlood, watch.ByGate); c.Pass(watch.UDP, watch.ByScrub) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStop(b *testing.B) {
	c := new(Counters)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c.Stop(watch.TLSFlood, watch.ByGate)
		}
	})
}

func BenchmarkSecond(b *testing.B) {
	a, _ := alone("fra-1")
	for b.Loop() {
		a.Hear(a.Message(epoch), epoch)
		a.Tick(epoch, epoch)
	}
}
