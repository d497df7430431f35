package load

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

func TestClientsTakeTurns(t *testing.T) {
	var mu sync.Mutex
	requests := make(map[string]int) // by address
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requests[netip.MustParseAddrPort(r.RemoteAddr).Addr().String()+" "+r.Host]++
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()

	by := NewClients(addrOf(server), FloodAddrs(10), nil)
	defer by.Close()
	target := Get(by, "loewen.localhost", "/")
	for range 50 {
		req, err := target.Request()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := by.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
	}
	if got := connections.Load(); got != 10 {
		t.Errorf("50 requests of 10 sources made %d connections, want 10", got)
	}
	for i := range 10 {
		client := FloodAddr(i).String() + " loewen.localhost"
		if got := requests[client]; got != 5 {
			t.Errorf("%s asked %d times, want 5; all: %v", client, got, requests)
		}
	}
}

// BenchmarkClients compares what a request costs the generator with what it
// would cost with a http.Transport for each source. The other side writes
// canned bytes.
func BenchmarkClients(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go answerAll(listener)
	target := netip.MustParseAddrPort(listener.Addr().String())
	const n = 1000

	b.Run("clients", func(b *testing.B) {
		by := NewClients(target, FloodAddrs(n), nil)
		defer by.Close()
		benchmarkTripper(b, by, target)
	})
	b.Run("transports", func(b *testing.B) {
		by := make(transports, n)
		for i := range by {
			d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(FloodAddr(i), 0))}
			t := &http.Transport{DialContext: d.DialContext, DisableCompression: true}
			defer t.CloseIdleConnections()
			by[i] = t
		}
		benchmarkTripper(b, by, target)
	})
}

type transports []*http.Transport

var turn atomic.Uint64

func (t transports) RoundTrip(req *http.Request) (*http.Response, error) {
	return t[turn.Add(1)%uint64(len(t))].RoundTrip(req)
}

func benchmarkTripper(b *testing.B, by http.RoundTripper, target netip.AddrPort) {
	b.Helper()
	client := &http.Client{Transport: by}
	get := func() {
		resp, err := client.Get("http://" + target.String() + "/")
		if err != nil {
			b.Error(err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	for range 1000 {
		get()
	}
	before, err := CPUTime(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			get()
		}
	})
	after, err := CPUTime(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(after-before)/float64(b.N), "cpu-ns/op")
}

func answerAll(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			in := bufio.NewReader(conn)
			for {
				line, err := in.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(line) == 2 { // the empty line that ends a request
					if _, err := io.WriteString(conn, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"); err != nil {
						return
					}
				}
			}
		}()
	}
}
