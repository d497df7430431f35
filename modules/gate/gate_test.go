package gate

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/layer4"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// newGate is a gate as it is after Provision, without Caddy: change sets what
// differs from the defaults.
func newGate(t testing.TB, change func(*Gate)) *Gate {
	t.Helper()
	g := &Gate{halfOpen: defaultHandshakes, HandshakeTimeout: defaultHandshakeTimeout, started: make(chan struct{})}
	close(g.started)
	change(g)
	g.Client.fillDefaults(usualClient)
	g.Subnet.fillDefaults(usualSubnet)
	g.limits = limits{g.Client.limits(), g.Subnet.limits()}
	g.furnish(t, &g.Rules, &g.Client.Pace, &g.Subnet.Pace)
	return g
}

// furnish is core.open without a shield.
func (c *core) furnish(t testing.TB, r *Rules, client, subnet *Pace) {
	t.Helper()
	found, err := newState()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := found.Destruct(); err != nil {
			t.Error(err)
		}
	})
	allowed := clientip.Table(r.Allow)
	c.state, c.log, c.logRate = found.(*state), zap.NewNop(), rate.Sometimes{Interval: time.Second}
	if c.banOf == nil {
		c.banOf = func(netip.Addr, time.Time) (netkey.Key, bool) { return netkey.Key{}, false }
	}
	c.counters, c.countRefused = new(layer4.Counters), func(netkey.Key) {}
	c.share = func(time.Time) shop.Percent { return 100 }
	c.neverRefused = allowed.Contains
	c.reference = func(time.Time, netip.Addr) string { return "" }
	client.setLimit(&c.rates[0])
	subnet.setLimit(&c.rates[1])
}

// TestRatesShrink: while a shop is heavily attacked a client may open fewer connections, and
// as many as before when that is over.
func TestRatesShrink(t *testing.T) {
	g := newGate(t, func(g *Gate) { g.Client.Rate, g.Client.Burst = shop.Rate{Events: 40, Per: time.Second}, 40 })
	now := time.Now()
	for i, c := range []struct {
		share shop.Percent
		want  int
	}{{100, 40}, {50, 20}, {25, 10}, {100, 40}} {
		g.share = func(time.Time) shop.Percent { return c.share }
		keys := g.state.keysOf(netip.AddrFrom4([4]byte{192, 0, byte(i), 1}), &listenerStats{})
		got := 0
		for range 100 {
			if g.takeRate(&keys, now) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%s: %d connections at once, want %d", c.share, got, c.want)
		}
	}
}

// bans has a gate refuse these addresses.
func (c *core) bans(addrs ...string) {
	table := make(map[netip.Addr]bool)
	for _, a := range addrs {
		table[netip.MustParseAddr(a)] = true
	}
	c.banOf = func(peer netip.Addr, _ time.Time) (netkey.Key, bool) { return netkey.Key{1}, table[peer] }
}

// open listens on loopback behind a gate. Accepted connections come out of the
// channel.
func open(t testing.TB, g *Gate) (l *listener, accepted <-chan net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = g.WrapListener(inner).(*listener)
	conns := make(chan net.Conn, 1024)
	go func() {
		defer close(conns)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	t.Cleanup(func() {
		l.Close()
		for c := range conns {
			c.Close()
		}
	})
	return l, conns
}

// dialFrom opens a connection; nil if it was reset before it stood.
func dialFrom(t testing.TB, from string, l net.Listener) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	c, err := d.Dial("tcp", l.Addr().String())
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// isRefused reports whether a connection was reset at once.
func isRefused(t testing.TB, c net.Conn) bool {
	t.Helper()
	if c == nil {
		return true
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, syscall.ECONNRESET)
}

func valueOf(t testing.TB, c prometheus.Collector) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	return int(families[0].GetMetric()[0].GetCounter().GetValue())
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAdmission(t *testing.T) {
	slowly := func(burst int64) Pace { return Pace{Rate: perSecond(1).Rate, Burst: burst} }
	allow := []netip.Prefix{netip.MustParsePrefix("127.1.0.0/24")}
	client, clients := slices.Repeat([]string{"127.1.0.1"}, 6), []string{"127.1.0.1", "127.1.0.2", "127.1.0.3", "127.1.0.4", "127.1.0.5", "127.1.1.1"}
	for name, c := range map[string]struct {
		change  func(*Gate)
		from    []string
		counted int // as because
		because outcome
		in      int
	}{
		"the defaults refuse no connection":   {func(*Gate) {}, slices.Repeat([]string{"127.1.0.1"}, 60), 60, accepted, 60},
		"the banned":                          {func(g *Gate) { g.bans("127.1.0.1") }, clients, 1, banned, 5},
		"the banned, in shadow":               {func(g *Gate) { g.bans("127.1.0.1"); g.Shadow = true }, client, 6, banned, 6},
		"a banned client that is allowed":     {func(g *Gate) { g.bans("127.1.0.1"); g.Allow = allow }, client, 6, exempt, 6},
		"a client's burst":                    {func(g *Gate) { g.Client.Pace = slowly(4) }, append(client, clients[1:]...), 2, tooFast, 9},
		"a net's burst":                       {func(g *Gate) { g.Subnet.Pace = slowly(4) }, clients, 1, tooFast, 5},
		"a net's burst, in shadow":            {func(g *Gate) { g.Subnet.Pace = slowly(4); g.Shadow = true }, clients, 1, tooFast, 6},
		"open connections of a client":        {func(g *Gate) { g.Client.Connections = 4 }, append(client, clients[1:]...), 2, connections, 9},
		"open connections of a net":           {func(g *Gate) { g.Subnet.Connections = 4 }, clients, 1, connections, 5},
		"unfinished connections of a client":  {func(g *Gate) { g.Client.Handshakes = 4 }, append(client, clients[1:]...), 2, handshakes, 9},
		"unfinished connections of a net":     {func(g *Gate) { g.Subnet.Handshakes = 4 }, clients, 1, handshakes, 5},
		"open connections of one, in shadow":  {func(g *Gate) { g.Client.Connections = 4; g.Shadow = true }, client, 2, connections, 6},
		"too many for everything, in shadow":  {func(g *Gate) { g.Client = PrefixLimits{slowly(1), 1, 1}; g.Shadow = true }, client, 5, tooFast, 6},
		"addresses that the limits say no of": {func(g *Gate) { g.Client.Pace = slowly(4); g.Allow = allow }, client, 6, exempt, 6},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, c.change)
			l, in := open(t, g)
			before := valueOf(t, l.stats.of[c.because])
			conns := make([]net.Conn, len(c.from))
			for i, from := range c.from {
				conns[i] = dialFrom(t, from, l)
			}
			for i := range c.in {
				select {
				case conn := <-in:
					defer conn.Close()
				case <-time.After(5 * time.Second):
					t.Fatalf("%d came in, want %d", i, c.in)
				}
			}
			refused := 0
			for _, conn := range conns {
				if len(c.from) > c.in && isRefused(t, conn) {
					refused++
				}
			}
			if refused != len(c.from)-c.in {
				t.Errorf("%d were reset, want %d", refused, len(c.from)-c.in)
			}
			if got := valueOf(t, l.stats.of[c.because]) - before; got != c.counted {
				t.Errorf("%d counted as %s, want %d", got, c.because, c.counted)
			}
		})
	}
}

// TestNothingStaysCounted: after the last connection has gone, in whatever way,
// no prefix, no handshake and no connection is left.
func TestNothingStaysCounted(t *testing.T) {
	g := newGate(t, func(g *Gate) {
		g.Handshakes = 50
		g.Client.Connections = 20
		g.HandshakeTimeout = caddy.Duration(300 * time.Millisecond)
	})
	l, in := open(t, g)
	var ends sync.WaitGroup
	go func() {
		for c := range in {
			ends.Go(func() {
				_, _ = io.Copy(io.Discard, c)
				c.Close()
				c.Close() // twice counts once
			})
		}
	}()
	for i := range 300 {
		conn := dialFrom(t, fmt.Sprintf("127.2.%d.%d", i%3, 1+i%5), l)
		switch {
		case conn == nil:
		case i%4 == 0:
			conn.Close()
		case i%4 == 1:
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
			conn.Close()
		case i%4 == 2:
			reset(conn.(*net.TCPConn))
		} // the rest waits for its end
	}
	var open, halfOpen, prefixes int
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		open, halfOpen, prefixes = int(l.open.Load()), g.state.halfOpen.len(), g.state.table.len()
		if open+halfOpen+prefixes == 0 {
			break
		}
	}
	if open+halfOpen+prefixes != 0 {
		t.Errorf("%d connections, %d handshakes and %d prefixes are left", open, halfOpen, prefixes)
	}
	l.Close()
	ends.Wait()
}
