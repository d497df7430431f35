package gate

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
	"github.com/theriac-edge/theriac/watch"
)

// TestVectors: what kind of attack the gate takes refused and unfinished connections for. In shadow
// nothing is stopped, and customers are in no vector.
func TestVectors(t *testing.T) {
	plain := func(g *Gate) { g.proxies.server = &caddyhttp.Server{} }
	few := func(limit *int) func(*Gate) { return func(*Gate) { *limit = 3 } }
	client := []byte("GET / HTTP/1.1\r\nHost: shop.example\r\n")
	hello := []byte{handshakeRecord, 3, 1, 2, 0, 1}
	for about, c := range map[string]struct {
		change func(*Gate)
		send   []byte // and then nothing
		want   watch.Vector
		none   bool
	}{
		"too many at once":                    {change: func(g *Gate) { g.Client.Pace = Pace{Rate: perSecond(1).Rate, Burst: 3} }, want: watch.TLSFlood},
		"too many open":                       {change: func(g *Gate) { few(&g.Client.Connections)(g) }, want: watch.FewClients},
		"too many handshakes":                 {change: func(g *Gate) { few(&g.Client.Handshakes)(g) }, want: watch.TLSFlood},
		"too many headers at a port in clear": {change: func(g *Gate) { plain(g); few(&g.Client.Handshakes)(g) }, want: watch.SlowHeader},
		"a full queue":                        {change: func(g *Gate) { g.halfOpen = 3 }, want: watch.TLSFlood},
		"slow headers":                        {change: slow, send: client, want: watch.SlowHeader},
		"slow handshakes":                     {change: slow, send: hello, want: watch.TLSFlood},
		"silence":                             {change: slow, want: watch.TLSFlood},
		"silence at a port in clear":          {change: func(g *Gate) { plain(g); slow(g) }, want: watch.SlowHeader},
		"a banned client":                     {change: func(g *Gate) { g.bans("127.0.0.1") }, none: true},
		"customers":                           {change: slow, send: append(client, "\r\n"...), none: true},
	} {
		for _, shadow := range []bool{false, true} {
			t.Run(about+" "+modeOf(shadow), func(t *testing.T) {
				t.Parallel()
				g := newGate(t, func(g *Gate) { c.change(g); g.Shadow = shadow })
				var hidden atomic.Int64
				g.countRefused = func(key netkey.Key) {
					if key == (netkey.Key{1}) {
						hidden.Add(1)
					}
				}
				connect(t, g, 8, c.send)
				counts := g.counters.Counts()
				wantStopped, wantPassed, wantHidden := !c.none && !shadow, !c.none && shadow && about != "a full queue", about == "a banned client" && !shadow
				for v := range counts.Stopped {
					is := watch.Vector(v) == c.want
					if n := counts.Stopped[v][watch.ByGate]; (n > 0) != (is && wantStopped) {
						t.Errorf("%d stopped as %s", n, watch.Vector(v))
					}
					if n := counts.Passed[v][watch.ByGate]; (n > 0) != (is && wantPassed) {
						t.Errorf("%d passed as %s", n, watch.Vector(v))
					}
				}
				if n := hidden.Load(); (n == 8) != wantHidden || (n == 0) == wantHidden {
					t.Errorf("%d connections are hidden", n)
				}
			})
		}
	}
}

// soon is when a gate closes what is half-open: late enough for what clients send at once.
const soon = caddy.Duration(250 * time.Millisecond)

func slow(g *Gate) { g.HandshakeTimeout = soon }

// connect opens connections, sends the same over each, and waits until all are over: closed by the
// gate, or by the client once they have lasted long enough for that.
func connect(t *testing.T, g *Gate, n int, send []byte) {
	t.Helper()
	l, accepted := open(t, g)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for c := range accepted {
			go func() {
				defer c.Close()
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	met := func() (all int) {
		for _, counter := range l.stats.of {
			if counter != nil {
				all += valueOf(t, counter)
			}
		}
		return all
	}
	before, conns := met(), make([]net.Conn, n) // another listener may have had the port
	for i := range conns {
		if conns[i] = dialFrom(t, "127.0.0.1", l); conns[i] != nil {
			_, _ = conns[i].Write(send) // fails if it is refused
		}
	}
	sample.Within(t, 10*time.Second, "the gate has met all connections", func() bool { return met() == before+n })
	if g.HandshakeTimeout == soon {
		time.Sleep(2 * time.Duration(soon))
	}
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	l.Close()
	<-served
	sample.Within(t, 10*time.Second, "all connections are over", func() bool { return l.open.Load() == 0 })
}
