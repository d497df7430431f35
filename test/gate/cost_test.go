package gate

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// gateCosts measures the edge's CPU time for a connection that the gate closes,
// for a bare 429 on a connection that is kept, and for a bare 429 that somebody
// opens a connection with TLS for.
func gateCosts(t testing.TB, n int) (closed, kept, fresh time.Duration) {
	t.Helper()
	const bad = "127.48.0.1"
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(bad)}, Timeout: 5 * time.Second}
	ban := func(g *gated) {
		t.Helper()
		if said, err := kit.Shield(t, g.Edge, "ban", bad, "--for", "10m"); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	each := func(g *gated, n int, do func()) time.Duration {
		t.Helper()
		together := func(n int) {
			var all sync.WaitGroup
			for range 64 { // alone each would pay for waking the process
				all.Go(func() {
					for range n / 64 {
						do()
					}
				})
			}
			all.Wait()
		}
		together(n / 20)
		before := kit.CPU(t, g.PID)
		together(n)
		return (kit.CPU(t, g.PID) - before) / time.Duration(n)
	}
	g := startGated(t, kit.NewBackend(t).Addr, "", kit.NoGate)
	ban(g)
	closed = each(g, n, func() {
		if conn, err := dialer.Dial("tcp", g.secure); err == nil {
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
			if !isReset(err) {
				t.Error(err)
			}
		}
	})
	bare := startGated(t, kit.NewBackend(t).Addr, kit.NoGate, kit.NoGate)
	ban(bare)
	client := edge.From("127.48.0.1")
	client.Transport.(*http.Transport).TLSClientConfig = bare.trust
	defer client.CloseIdleConnections()
	refused := func(url string) func() {
		return func() {
			if got := kit.Get(t, client, url, "Host: loewen.localhost"); got.Status != http.StatusTooManyRequests {
				t.Errorf("status %d", got.Status)
			}
		}
	}
	// A ban ends the connection after its 429: over TLS each has a new one.
	fresh = each(bare, n/10, refused("https://"+bare.secure+"/"))
	limited := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "shield loewen {\n\tlimit client {\n\t\trate 1/h\n\t\tburst 1\n\t}\n\tcompact_after 1\n}\nshop_backend "+kit.NewBackend(t).Addr))
	for range 3 {
		kit.Get(t, client, limited.URL)
	}
	kept = each(&gated{Edge: limited}, n, func() {
		if got := kit.Get(t, client, limited.URL); got.Status != http.StatusTooManyRequests || got.Body != "" {
			t.Errorf("status %d, %q", got.Status, got.Body)
		}
	})
	return closed, kept, fresh
}

// BenchmarkRefused says what each way to refuse costs the edge; b.N does not
// matter.
func BenchmarkRefused(b *testing.B) {
	need.Loopback(b)
	closed, kept, fresh := gateCosts(b, 20000)
	for b.Loop() { // it was measured above, in another process
	}
	b.ReportMetric(float64(closed.Nanoseconds())/1e3, "µs/closed")
	b.ReportMetric(float64(kept.Nanoseconds())/1e3, "µs/429")
	b.ReportMetric(float64(fresh.Nanoseconds())/1e3, "µs/TLS+429")
	b.ReportMetric(float64(closed)/float64(kept), "closed/429")
}
