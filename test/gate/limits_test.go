package gate

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestGateLimitsNewConnections: a client's burst comes in, what follows is
// reset; a neighbour, a proxy that the server trusts and an allowed address are not.
func TestGateLimitsNewConnections(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const burst = 8
	g := startGated(t, kit.NewBackend(t).Addr, fmt.Sprintf("rate client 1/m %d\nallow 127.41.3.0/24\n", burst), kit.NoGate)
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
	g.Reload(t, strings.Replace(g.config(fmt.Sprintf("rate client 1/m %d\n", burst), kit.NoGate), "\tservers {", "\tservers {\n\t\ttrusted_proxies static 127.41.2.0/24", 1))
	kit.Eventually(t, 5*time.Second, "the new configuration trusts a proxy", func() bool {
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

// TestGateLimitsSubnets: many addresses of one /24 share its budget.
func TestGateLimitsSubnets(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	g := startGated(t, kit.NewBackend(t).Addr, "rate subnet 1/m 10\n", kit.NoGate)
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
		t.Errorf("another subnet: %v", err)
	}
}

// TestGateLimitsOpenConnections: exactly so many, over reloads too, and again
// when some have gone. Nothing is left of them at the end.
func TestGateLimitsOpenConnections(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	const room, from = 6, "127.43.0.1"
	settings := fmt.Sprintf("connections client %d\n", room)
	g := startGated(t, kit.NewBackend(t).Addr, settings, kit.NoGate)
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
		g.Reload(t, g.config(settings+"rate client 500/s\n", kit.NoGate))
		g.Reload(t, g.config(settings, kit.NoGate))
	}
	kit.Eventually(t, 5*time.Second, "idle connections are gone and counted no more", func() bool {
		return kit.Metric(t, g.Edge, "theriac_gate_tracked_prefixes") == 0
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
	kit.Eventually(t, 5*time.Second, "one that has left makes room for another", func() bool {
		_, err := g.knock(t, from)
		return err == nil
	})
	g.empties(t)
}

// empties waits until the gate counts no connection any more; the test must have
// closed them, or the edge ends them.
func (g *gated) empties(t testing.TB) {
	t.Helper()
	g.Reload(t, g.config("connections client 1000\n", kit.NoGate)) // ends what is idle
	kit.Eventually(t, 10*time.Second, "nothing is counted that is closed", func() bool {
		return kit.Metric(t, g.Edge, "theriac_gate_tracked_prefixes") == 0 && kit.Metric(t, g.Edge, "theriac_gate_handshakes") == 0 &&
			kit.Metric(t, g.Edge, fmt.Sprintf("theriac_gate_open{listener=\"tcp/%s\"}", g.secure)) == 0
	})
}

// TestPrescriptionsOutliveTheGate: a session by WebSocket, which has no
// handshake left to finish, is held by no deadline and counted over reloads.
func TestPrescriptionsOutliveTheGate(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	_, addr := kit.OpenShop(t, demoshop.Loewen())
	const settings = "connections client 2\nhandshake_timeout 1s\n"
	g := startGated(t, addr, settings, kit.NoGate)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: g.trust.Clone(), DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.44.0.1")}}).DialContext}
	session, _, err := websocket.Dial(ctx, "wss://"+g.secure+"/cardlink", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, Host: "loewen.localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.CloseNow()
	for i := range 4 {
		if err := kit.Say(ctx, session, int64(i+1)); err != nil {
			t.Fatalf("turn %d: %v", i+1, err)
		}
		if i < 2 {
			g.Reload(t, g.config(settings+fmt.Sprintf("rate client %d/s\n", 100+i), kit.NoGate))
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
