package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/protocol"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// besiege opens unfinished connections, each from an address of its own, as
// fast as this machine can, until the test ends: sending nothing or half a
// ClientHello. It counts those that the edge ended.
func (g *gated) besiege(t testing.TB, at time.Duration) (opened, ended *atomic.Int64) {
	opened, ended = new(atomic.Int64), new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	half := protocol.Hello("loewen.localhost")
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
				_, _ = conn.Write(half)
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
	g := startGated(t, kit.NewBackend(t).Addr, fmt.Sprintf("handshakes all %d\nhandshake_timeout 2s\n", room), kit.NoGate)
	opened, ended := g.besiege(t, 2*time.Millisecond)
	most := 0
	for i := range 40 {
		if _, err := g.knock(t, fmt.Sprintf("127.45.0.%d", i+1)); err != nil {
			t.Errorf("a customer beside %d unfinished handshakes: %v", opened.Load()-ended.Load(), err)
		}
		most = max(most, kit.Metric(t, g.Edge, "theriac_gate_handshakes"))
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
	g := startGated(t, kit.NewBackend(t).Addr, kit.NoGate, kit.NoGate)
	opened, ended := g.besiege(t, 2*time.Millisecond)
	kit.Eventually(t, 20*time.Second, "500 unfinished connections came", func() bool { return opened.Load() >= 500 })
	if ended.Load() > 0 {
		t.Errorf("the edge ended %d of them by itself: the siege proves nothing", ended.Load())
	}
}

// TestUnfinishedHandshakesLeaveFiles: an edge that may open fewer files than the gate lets
// connections stand displaces them before it runs out. Without a gate, which is the
// control, customers wait.
func TestUnfinishedHandshakesLeaveFiles(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	for _, gate := range []string{"", kit.NoGate} {
		t.Run(fmt.Sprintf("gate %t", gate != kit.NoGate), func(t *testing.T) {
			t.Parallel()
			g := newGated(t, kit.NewBackend(t).Addr)
			g.Edge = edge.StartLimited(t, 256, g.config(gate, kit.NoGate))
			opened, _ := g.besiege(t, 2*time.Millisecond)
			kit.Eventually(t, 20*time.Second, "500 unfinished connections came", func() bool { return opened.Load() >= 500 })
			_, err := g.knock(t, "127.45.1.1")
			if gate != kit.NoGate && err != nil {
				t.Errorf("a customer beside %d unfinished handshakes: %v", opened.Load(), err)
			}
			if gate == kit.NoGate && err == nil {
				t.Error("without a gate a customer came through: this test proves nothing")
			}
			if said := strings.Contains(g.Log(), "raise LimitNOFILE"); said != (gate != kit.NoGate) {
				t.Errorf("the log says what to raise: %t", said)
			}
		})
	}
}

// TestSlowHandshakesEnd: in time, whether nothing came or half a ClientHello;
// over plain HTTP as well, and none too early.
func TestSlowHandshakesEnd(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const timeout = 2 * time.Second
	backend := kit.NewBackend(t).Addr
	for _, gate := range []string{"handshake_timeout 2s\n", kit.NoGate} {
		g := startGated(t, backend, gate, kit.NoGate)
		for what, begin := range map[string]struct{ addr, sends string }{
			"nothing":            {g.secure, ""},
			"half a ClientHello": {g.secure, string(protocol.Hello("loewen.localhost"))},
			"half a header":      {g.Addr, "GET / HTTP/1.1\r\nHost: lo"},
		} {
			t.Run(fmt.Sprintf("%s, gate %t", what, gate != kit.NoGate), func(t *testing.T) {
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
				if gate == kit.NoGate && ended {
					t.Errorf("without a gate it ended after %s: this test proves nothing", after)
				}
				if gate != kit.NoGate && (!ended || after < timeout-100*time.Millisecond) {
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
	g := startGated(t, kit.NewBackend(t).Addr, fmt.Sprintf("handshakes client %d\n", room), kit.NoGate)
	for range room {
		if _, err := dial(t, from, g.secure); err != nil {
			t.Fatal(err)
		}
	}
	kit.Eventually(t, 5*time.Second, "the gate has seen them", func() bool { return kit.Metric(t, g.Edge, "theriac_gate_handshakes") == room })
	if _, err := g.knock(t, from); !isReset(err) {
		t.Errorf("one more: %v, want a reset", err)
	}
	if _, err := g.knock(t, "127.47.0.2"); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
}
