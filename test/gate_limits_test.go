package test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/need"
)

// TestGateLimitsNewConnections: a client's burst comes in, what follows is
// reset; a neighbour, a proxy that the server trusts and who is allowed are not.
func TestGateLimitsNewConnections(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const burst = 8
	g := startGated(t, newBackend(t).Addr, fmt.Sprintf("rate client 1/m %d\nallow 127.41.3.0/24\n", burst), without)
	knocks := func(from string) (in, out int) {
		for range 2 * burst {
			switch conn, err := g.knock(t, from); {
			case err == nil:
				in++
				conn.Close()
			case isReset(err):
				out++
			default:
				t.Fatalf("%s: %v", from, err)
			}
		}
		return in, out
	}
	for from, want := range map[string]int{"127.41.1.1": burst, "127.41.2.1": burst, "127.41.3.1": 2 * burst} {
		if in, out := knocks(from); in != want || out != 2*burst-want {
			t.Errorf("%s: %d came in and %d were reset, want %d in", from, in, out, want)
		}
	}
	if got := g.came(t, "connections", "rate"); got != 2*burst {
		t.Errorf("%d refusals counted, want %d", got, 2*burst)
	}
	// The configuration changes; what was used up stays so.
	g.Reload(t, strings.Replace(g.config(fmt.Sprintf("rate client 1/m %d\n", burst), without), "\tservers {", "\tservers {\n\t\ttrusted_proxies static 127.41.2.0/24", 1))
	eventually(t, 5*time.Second, "the new configuration trusts a proxy", func() bool {
		_, err := g.knock(t, "127.41.2.1")
		return err == nil
	})
	if in, _ := knocks("127.41.1.1"); in > 1 {
		t.Errorf("after a reload %d connections of a client without budget came in", in)
	}
	if in, _ := knocks("127.41.2.1"); in != 2*burst {
		t.Errorf("a proxy that is trusted had %d of %d connections", in, 2*burst)
	}
}

// TestGateLimitsNeighbourhoods: many addresses of one /24 share its budget.
func TestGateLimitsNeighbourhoods(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	g := startGated(t, newBackend(t).Addr, "rate net 1/m 10\n", without)
	in := 0
	for i := range 20 {
		if _, err := g.knock(t, fmt.Sprintf("127.42.0.%d", i+1)); err == nil {
			in++
		}
	}
	if in != 10 {
		t.Errorf("%d of 20 neighbours came in, want 10", in)
	}
	if _, err := g.knock(t, "127.42.1.1"); err != nil {
		t.Errorf("another neighbourhood: %v", err)
	}
}

// TestGateLimitsOpenConnections: exactly so many, over reloads too, and again
// when some have gone. Nothing is left of them at the end.
func TestGateLimitsOpenConnections(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const room, from = 6, "127.43.0.1"
	settings := fmt.Sprintf("connections client %d\n", room)
	g := startGated(t, newBackend(t).Addr, settings, without)
	var open []*tls.Conn
	for range room {
		conn, err := g.knock(t, from)
		if err != nil {
			t.Fatalf("connection %d: %v", len(open)+1, err)
		}
		open = append(open, conn)
	}
	full := func(when string) {
		t.Helper()
		if _, err := g.knock(t, from); !isReset(err) {
			t.Errorf("%s: %v, want a reset", when, err)
		}
	}
	full("one more than there is room for")
	if _, err := g.knock(t, "127.43.0.2"); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
	// Caddy's server ends idle connections on a reload.
	for range 2 {
		g.Reload(t, g.config(settings+"rate client 500/s\n", without))
		g.Reload(t, g.config(settings, without))
	}
	eventually(t, 5*time.Second, "idle connections are gone and counted no more", func() bool {
		return metricOf(t, g.Edge, "theriac_gate_places") == 0
	})
	open = open[:0]
	for range room {
		conn, err := g.knock(t, from)
		if err != nil {
			t.Fatalf("connection %d after reloads: %v", len(open)+1, err)
		}
		open = append(open, conn)
	}
	full("after reloads")
	open[0].Close()
	eventually(t, 5*time.Second, "one that has left makes room for another", func() bool {
		_, err := g.knock(t, from)
		return err == nil
	})
	g.empties(t)
}

// empties waits until the gate counts no connection any more; the test must have
// closed them, or the edge ends them.
func (g *gated) empties(t testing.TB) {
	t.Helper()
	g.Reload(t, g.config("connections client 1000\n", without)) // ends what is idle
	eventually(t, 10*time.Second, "nothing is counted that is closed", func() bool {
		return metricOf(t, g.Edge, "theriac_gate_places") == 0 && metricOf(t, g.Edge, "theriac_gate_handshakes") == 0 &&
			metricOf(t, g.Edge, fmt.Sprintf("theriac_gate_open{listener=\"tcp/%s\"}", g.secure)) == 0
	})
}

// TestPrescriptionsOutliveTheGate: a session by WebSocket, which has no
// handshake left to finish, is held by no deadline and counted over reloads.
func TestPrescriptionsOutliveTheGate(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	_, addr := openShop(t, demoshop.Loewen())
	const settings = "connections client 2\nhandshake_timeout 1s\n"
	g := startGated(t, addr, settings, without)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: g.trust.Clone(), DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.44.0.1")}}).DialContext}
	session, _, err := websocket.Dial(ctx, "wss://"+g.secure+"/cardlink", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, Host: "loewen.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.CloseNow()
	for i := range 4 {
		if err := say(ctx, session, int64(i+1)); err != nil {
			t.Fatalf("turn %d: %v", i+1, err)
		}
		if i < 2 {
			g.Reload(t, g.config(settings+fmt.Sprintf("rate client %d/s\n", 100+i), without))
		}
		time.Sleep(1500 * time.Millisecond) // longer than a handshake may take
	}
	if _, err := g.knock(t, "127.44.0.1"); err != nil {
		t.Errorf("beside the session: %v", err)
	}
	if _, err := g.knock(t, "127.44.0.1"); !isReset(err) {
		t.Errorf("the session is counted no more after reloads: %v, want a reset", err)
	}
	session.CloseNow()
	g.empties(t)
}

// hello is the first half of a ClientHello as crypto/tls sends it.
func hello(t testing.TB) string {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() { _ = tls.Client(ours, &tls.Config{ServerName: "loewen.localhost"}).Handshake() }()
	sent := make([]byte, 4096)
	n, err := theirs.Read(sent)
	if err != nil {
		t.Fatal(err)
	}
	ours.Close()
	return string(sent[:n/2])
}

// besiege opens unfinished connections, each from an address of its own, as
// fast as this machine can, until the test ends: sending nothing or half a
// ClientHello. It counts those that the edge ended.
func (g *gated) besiege(t testing.TB, at time.Duration) (opened, ended *atomic.Int64) {
	opened, ended = new(atomic.Int64), new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	half := hello(t)
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(50+i/60000%50), byte(i/250%240), byte(1+i%250))}, Timeout: time.Second}
			conn, err := dialer.Dial("tcp", g.secure)
			if err != nil {
				continue
			}
			opened.Add(1)
			if i%2 == 0 {
				_, _ = io.WriteString(conn, half)
			}
			go func() {
				defer conn.Close()
				stop := context.AfterFunc(ctx, func() { conn.Close() })
				defer stop()
				_, err := conn.Read(make([]byte, 1))
				if ctx.Err() == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
					ended.Add(1)
				}
			}()
			time.Sleep(at)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return opened, ended
}

// TestUnfinishedHandshakesAreBounded: by number and by time, while others shop.
func TestUnfinishedHandshakesAreBounded(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const room = 100
	g := startGated(t, newBackend(t).Addr, fmt.Sprintf("handshakes all %d\nhandshake_timeout 2s\n", room), without)
	opened, ended := g.besiege(t, 2*time.Millisecond)
	most := 0
	for i := range 40 {
		if _, err := g.knock(t, fmt.Sprintf("127.45.0.%d", i+1)); err != nil {
			t.Errorf("a customer beside %d unfinished handshakes: %v", opened.Load()-ended.Load(), err)
		}
		most = max(most, metricOf(t, g.Edge, "theriac_gate_handshakes"))
		time.Sleep(30 * time.Millisecond)
	}
	displaced := g.came(t, "unfinished", "displaced")
	t.Logf("%d unfinished connections came, at most %d stood at a time, %d were displaced", opened.Load(), most, displaced)
	if most > room || most < room/2 || displaced == 0 {
		t.Errorf("at most %d unfinished handshakes stood, want up to %d; %d were displaced", most, room, displaced)
	}
}

// TestUnfinishedHandshakesPileUpWithoutAGate is the control.
func TestUnfinishedHandshakesPileUpWithoutAGate(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	g := startGated(t, newBackend(t).Addr, without, without)
	opened, ended := g.besiege(t, 2*time.Millisecond)
	eventually(t, 20*time.Second, "500 unfinished connections came", func() bool { return opened.Load() >= 500 })
	if ended.Load() > 0 {
		t.Errorf("the edge ended %d of them by itself: the siege proves nothing", ended.Load())
	}
}

// TestSlowHandshakesEnd: in time, whether nothing came or half a ClientHello;
// over plain HTTP as well, and none too early.
func TestSlowHandshakesEnd(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const timeout = 2 * time.Second
	backend := newBackend(t).Addr
	for _, gate := range []string{"handshake_timeout 2s\n", without} {
		g := startGated(t, backend, gate, without)
		for what, begin := range map[string]struct{ addr, sends string }{
			"nothing":            {g.secure, ""},
			"half a ClientHello": {g.secure, hello(t)},
			"half a header":      {g.Addr, "GET / HTTP/1.1\r\nHost: lo"},
		} {
			t.Run(fmt.Sprintf("%s, gate %t", what, gate != without), func(t *testing.T) {
				t.Parallel()
				conn, err := dial(t, "127.46.0.1", begin.addr)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, begin.sends); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				if err := conn.SetReadDeadline(began.Add(2 * timeout)); err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, conn)
				ended, after := !isTimeout(err), time.Since(began)
				if gate == without && ended {
					t.Errorf("without a gate it ended after %s: this test proves nothing", after)
				}
				if gate != without && (!ended || after < timeout-100*time.Millisecond) {
					t.Errorf("ended: %t (%v) after %s, want about %s", ended, err, after, timeout)
				}
			})
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// TestGateLimitsHandshakesOfOneClient: its unfinished ones do not keep its
// neighbours out.
func TestGateLimitsHandshakesOfOneClient(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const room, from = 5, "127.47.0.1"
	g := startGated(t, newBackend(t).Addr, fmt.Sprintf("handshakes client %d\n", room), without)
	for range room {
		if _, err := dial(t, from, g.secure); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 5*time.Second, "the gate has seen them", func() bool { return metricOf(t, g.Edge, "theriac_gate_handshakes") == room })
	if _, err := g.knock(t, from); !isReset(err) {
		t.Errorf("one more: %v, want a reset", err)
	}
	if _, err := g.knock(t, "127.47.0.2"); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
}
