package process

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// restarted is an edge with a shop behind TLS that is restarted under load.
type restarted struct {
	*edge.Edge
	shop  *demoshop.Shop
	trust *tls.Config
}

// startRestarted starts it at its own address, or at a socket that it is passed.
func startRestarted(t testing.TB, passed bool, drain string) *restarted {
	t.Helper()
	cert := &kit.Authority{Dir: t.TempDir()}
	cert.Sign(t, "authority")
	cert.Sign(t, "loewen.localhost")
	roots := x509.NewCertPool()
	roots.AddCert(cert.Cert)
	config := demoshop.Loewen()
	config.Concurrency, config.Queue = 32, 1000
	shop, backend := kit.OpenShop(t, config)
	r := &restarted{shop: shop, trust: &tls.Config{RootCAs: roots, ServerName: "loewen.localhost"}}
	servers := "\tservers {\n" + kit.Gate("listener_wrappers", "allow 127.0.0.0/8\n", "tls\n") + kit.Gate("packet_conn_wrappers", "allow 127.0.0.0/8\n", "") + "\t}\n"
	caddyfile := strings.Replace(kit.Global("secret "+kit.Secret+"\ndrain "+drain), "\tshield {", servers+"\tshield {", 1) +
		fmt.Sprintf("https://loewen.localhost:{$PORT} {\n\ttls %s %s\n\tshield loewen {\n\t\tlimit client off\n\t\tlimit subnet off\n\t\tlimit pages off\n\t\tlimit orders off\n\t}\n\tshop_backend %s\n}\n",
			filepath.Join(cert.Dir, "loewen.localhost.pem"), filepath.Join(cert.Dir, "loewen.localhost.key"), backend)
	if !passed {
		r.Edge = edge.Start(t, caddyfile)
		return r
	}
	addr := need.Addr(t)
	r.Edge = edge.StartPassed(t, addr, socketsAt(t, addr), caddyfile)
	return r
}

// socketsAt opens a socket for TCP and one for UDP, as a service manager does.
func socketsAt(t testing.TB, addr string) (files []*os.File) {
	t.Helper()
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []interface{ File() (*os.File, error) }{tcp.(*net.TCPListener), udp.(*net.UDPConn)} {
		file, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	t.Cleanup(func() {
		tcp.Close()
		udp.Close()
		for _, f := range files {
			f.Close()
		}
	})
	return files
}

// client keeps its connection, by HTTP/1.1 or HTTP/2.
func (r *restarted) client(from string, two bool) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 30 * time.Second}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: r.trust.Clone(), ForceAttemptHTTP2: two}
	if !two {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return &http.Client{Timeout: time.Minute, Transport: transport}
}

// buyers are customers that buy one thing after the other over kept connections, HTTP/1.1
// and HTTP/2 in turn, until they are told to stop.
type buyers struct {
	wg             sync.WaitGroup
	stop           atomic.Bool
	orders, steps  atomic.Int64
	failed, absent atomic.Int64 // orders that failed, and those that the shop does not have once
	slowest        atomic.Int64
}

func (r *restarted) startBuyers(t testing.TB, n int) *buyers {
	b := new(buyers)
	for i := range n {
		b.wg.Go(func() {
			client := r.client(fmt.Sprintf("127.71.0.%d", 1+i), i%2 == 0)
			defer client.CloseIdleConnections()
			for n := 0; !b.stop.Load(); n++ {
				b.buy(t, r, demoshop.Customer{Base: "https://" + r.Addr, Host: "loewen.localhost", Client: client, Reference: fmt.Sprintf("restart-%d-%d", i, n)})
			}
		})
	}
	return b
}

func (b *buyers) buy(t testing.TB, r *restarted, c demoshop.Customer) {
	trip, err := c.Buy(t.Context())
	b.orders.Add(1)
	b.steps.Add(int64(len(trip.Steps)))
	for _, s := range trip.Steps {
		b.slowest.Store(max(b.slowest.Load(), int64(s.Took)))
	}
	if err != nil {
		if b.failed.Add(1) <= 3 {
			t.Logf("%s: %v", c.Reference, err)
		}
		time.Sleep(50 * time.Millisecond) // as a person would
	}
	if found := r.shop.OrdersFor(c.Reference); len(found) != 1 || !found[0].Paid {
		b.absent.Add(1)
	}
}

// report waits for the buyers, and returns how many orders failed.
func (b *buyers) report(t testing.TB, r *restarted) int64 {
	b.stop.Store(true)
	b.wg.Wait()
	truth := r.shop.Truth().Orders
	t.Logf("%d orders in %d steps, the slowest took %s; %d failed, %d lost or doubled (%d duplicates)", b.orders.Load(), b.steps.Load(),
		time.Duration(b.slowest.Load()).Round(time.Millisecond), b.failed.Load(), b.absent.Load(), truth.Duplicates)
	return b.failed.Load() + b.absent.Load() + truth.Duplicates
}

// TestRestartLosesNoOrder: customers buy while the edge is restarted. With the sockets of a
// service manager each order arrives, and arrives once. Without them, which is the control,
// connections are refused.
func TestRestartLosesNoOrder(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	for _, passed := range []bool{true, false} {
		r := startRestarted(t, passed, "1s")
		b := r.startBuyers(t, 6)
		time.Sleep(500 * time.Millisecond)
		r.Restart(t)
		time.Sleep(time.Second)
		lost := b.report(t, r)
		if passed && lost != 0 {
			t.Errorf("%d orders failed, were lost or doubled", lost)
		}
		if !passed && lost == 0 {
			t.Error("no order failed although the port was closed: this test proves nothing")
		}
	}
}

// TestStopDoesNotWaitForSlowDownloads: a download holds up the end of the edge for
// grace_period, which has a bound here and none in Caddy.
func TestStopDoesNotWaitForSlowDownloads(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}))
	t.Cleanup(slow.Close)
	for name, gated := range map[string]bool{"with a gate": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := "\tservers {\n" + kit.Gate("listener_wrappers", "allow 127.0.0.0/8\n", "tls\n") + "\t}\n"
			if !gated {
				options = ""
			}
			e := edge.Start(t, strings.Replace(kit.Global(""), "\tshield {", options+"\tshield {", 1)+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+slow.Listener.Addr().String()))
			response, err := http.Get(e.URL + "/invoice.pdf")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			took := e.Stop(t)
			t.Logf("the edge ended after %s", took)
			if took < 10*time.Second {
				t.Errorf("the edge ended after %s, want 10s for the download at least", took)
			}
			if cut := strings.Contains(e.Log(), "they are cut off"); cut != gated {
				t.Errorf("the log says that requests were cut off: %t, want %t", cut, gated)
			}
		})
	}
}
