package gate

import (
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestGateLimitsQUIC: new connections of one client; its neighbours and its TCP
// have budgets of their own, and what is open goes on. The socket outlives the
// configuration, and each new one decides at it.
func TestGateLimitsQUIC(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const burst, from = 3, "127.49.0.1"
	strict := "rate client 1/h 3\n"
	g := startGated(t, kit.NewBackend(t).Addr, "", strict)
	kept := g.three(t, from)
	if err := g.asksThree(t, kept); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < burst; i++ {
		if err := g.asksThree(t, g.three(t, from)); err != nil {
			t.Fatalf("connection %d: %v", i+1, err)
		}
	}
	refused := func(when string) {
		t.Helper()
		if err := g.asksThree(t, g.three(t, from)); err == nil {
			t.Errorf("%s, a client without budget opened a connection", when)
		}
	}
	refused("at first")
	if err := g.asksThree(t, kept); err != nil {
		t.Errorf("an open connection: %v", err)
	}
	if err := g.asksThree(t, g.three(t, "127.49.0.2")); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
	if _, err := g.knock(t, from); err != nil {
		t.Errorf("the same client by TCP: %v", err)
	}
	if in, out := g.came(t, "quic", "accepted"), g.came(t, "quic", "rate"); in != burst+1 || out == 0 {
		t.Errorf("%d connections counted, want %d; %d datagrams refused, want some", in, burst+1, out)
	}
	g.Reload(t, g.config("rate client 1000/s\n", strict))
	refused("after a reload")
	g.Reload(t, g.config("", kit.NoGate))
	if err := g.asksThree(t, g.three(t, from)); err != nil {
		t.Errorf("without a gate: %v", err)
	}
	g.Reload(t, g.config("", strict))
	refused("after a time without a gate")
	g.Reload(t, g.config("", "rate client 1000/s\n"))
	if err := g.asksThree(t, g.three(t, from)); err != nil {
		t.Errorf("a wider limit: %v", err)
	}
	if strings.Contains(g.Log(), "restart the edge") {
		t.Error("the log asks for a restart that nobody needs")
	}
}

// TestGateComesTooLateForQUIC: Caddy keeps a socket that was open before, and
// the log says what to do.
func TestGateComesTooLateForQUIC(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	g := startGated(t, kit.NewBackend(t).Addr, "", kit.NoGate)
	g.Reload(t, g.config("", "rate client 1/h 1\n"))
	kit.Eventually(t, 5*time.Second, "the log asks for a restart", func() bool { return strings.Contains(g.Log(), "restart the edge") })
	for range 2 {
		if err := g.asksThree(t, g.three(t, "127.49.1.1")); err != nil {
			t.Errorf("the gate stands at a socket that it cannot have: %v", err)
		}
	}
}
