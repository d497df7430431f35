package bans

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// TestMain has the machine to itself: much is measured in real time.
func TestMain(m *testing.M) {
	need.Alone()
	sample.Main(m)
}

// edge is the list of one edge, its map, and its connection.
type edge struct {
	*List
	replicas *replica.Map
	tier     *tier.Tier // nil: one process is every edge
}

// store is the list of an edge, as most tests need it.
type store interface {
	Ban(q Request) error
	Unban(key, client netkey.Key)
	Banned(key netkey.Key, at shop.ID, now time.Time) (ban.Ban, bool)
	Bans() []ban.Ban
}

var _ store = (*List)(nil)

// status is what List.Status returns.
type status struct {
	Bans, Pending int
	Refused       Counts
	tier.Status
}

func (e *edge) Status() (s status) {
	s.Bans, s.Pending, s.Refused = e.List.Status()
	if e.tier != nil {
		s.Status = e.tier.Status()
	}
	return s
}

func (e *edge) Start() {
	e.replicas.Start()
	e.tier.Start()
}

func (e *edge) Close() error {
	e.replicas.Close()
	if e.tier == nil {
		return nil
	}
	return e.tier.Close()
}

// hello is a kind besides the bans, by which edges find out whether they hear.
var hello = replica.Kind{Name: "hello", Max: 9}

func join(t *tier.Tier) *edge {
	e := &edge{List: New(t), tier: t}
	e.replicas = replica.New(t, hello, e.Kind())
	e.Join(e.replicas)
	return e
}

// memory is the list of one process.
func memory() *edge { return join(nil) }

// unstarted makes an edge that is closed with the test.
func unstarted(t testing.TB, opts tier.Options) *edge {
	t.Helper()
	connection, err := tier.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	e := join(connection)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing %s: %v", opts.Node, err)
		}
	})
	return e
}

// unreached is an edge that is never startep.
func unreached(t testing.TB) *edge {
	t.Helper()
	return unstarted(t, tier.Options{Addresses: []string{"127.0.0.1:1"}})
}

// edges starts n edges that share the store of opts, and waits until each of
// them knows of all.
func edges(t testing.TB, n int, opts tier.Options) []*edge {
	t.Helper()
	stores := make([]*edge, n)
	for i := range stores {
		o := opts
		o.Node = fmt.Sprintf("edge-%d", i+1)
		stores[i] = unstarted(t, o)
		stores[i].Start()
	}
	for _, e := range stores {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := e.Status()
			return st.Shared && len(st.Nodes) == n
		})
	}
	return stores
}

// total is how many commands the edges have sent.
func total(stores []*edge) (commands int64) {
	for _, e := range stores {
		commands += e.Status().Commands
	}
	return commands
}

// caughtUp waits until each edge hears of changes and has told what it had to.
func caughtUp(t testing.TB, stores []*edge) {
	t.Helper()
	for _, e := range stores {
		sample.Within(t, 10*time.Second, "the store is shared", func() bool { return e.Status().Shared })
	}
	n := 0
	sample.Within(t, 10*time.Second, "every edge has the list and hears of changes", func() bool {
		n++
		value := fmt.Sprint(time.Now().UnixNano(), n)
		if err := stores[0].replicas.Set(t.Context(), "hello", "all", value, time.Minute, replica.Manual); err != nil {
			return false
		}
		time.Sleep(50 * time.Millisecond)
		for _, e := range stores {
			got, _ := e.replicas.Get("hello", "all")
			if _, complete := e.replicas.Version(); got.Value != value || !complete || e.Status().Pending > 0 {
				return false
			}
		}
		return true
	})
}

// proxy stands between one edge and the store, and can be cut off.
type proxy struct {
	addr string
	to   string

	mu    sync.Mutex
	isOff bool
	conns map[net.Conn]bool
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", need.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", p.to)
			if err != nil || !p.pass(in, out) {
				_ = in.Close()
				if err == nil {
					_ = out.Close()
				}
				continue
			}
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				all.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_, _ = pair[0].Close(), pair[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.shut()
		all.Wait()
	})
	return p
}

// pass reports whether the store is within reach, and keeps the connections that
// pass.
func (p *proxy) pass(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	return !p.isOff
}

// shut ends all connections, and those that come.
func (p *proxy) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isOff = true
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isOff = false
}
