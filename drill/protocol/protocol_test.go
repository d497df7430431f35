package protocol

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/test/kit"
)

// A host is a shop that counts its connections.
type host struct {
	Target
	certificates []tls.Certificate

	mu        sync.Mutex
	now, seen int
	secured   int            // whose handshake has come to its end
	requests  map[string]int // that came to the handler, by protocol
}

func newHost(t *testing.T, headers time.Duration) *host {
	t.Helper()
	shop, err := demoshop.New(demoshop.Loewen())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shop.Close)
	h := &host{requests: make(map[string]int)}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests[r.Proto]++
		h.mu.Unlock()
		shop.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.Config.ReadHeaderTimeout = headers
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch s {
		case http.StateNew:
			h.now, h.seen = h.now+1, h.seen+1
		case http.StateClosed, http.StateHijacked:
			h.now--
		}
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{(&kit.Authority{Dir: t.TempDir()}).Sign(t, "loewen.localhost")}}
	server.TLS.VerifyConnection = func(tls.ConnectionState) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.secured++
		return nil
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	h.certificates = server.TLS.Certificates
	to := netip.MustParseAddrPort(server.Listener.Addr().String())
	h.Target = Target{
		Dial: func(ctx context.Context, from netip.Addr) (net.Conn, error) { return load.DialFrom(ctx, from, to) },
		TLS:  server.Client().Transport.(*http.Transport).TLSClientConfig.Clone(),
	}
	h.TLS.ServerName = "loewen.localhost"
	h.TLS.VerifyPeerCertificate, h.TLS.InsecureSkipVerify = nil, true // httptest's certificate is for another name
	return h
}

// wave is one that lasts until the test has seen enough.
func wave(v scenario.Vector, connections int, rate scenario.Rate, path string) scenario.Wave {
	return scenario.Wave{
		Name: "w", For: scenario.Span(time.Minute), Vector: v, Paths: []string{path}, Connections: connections,
		Rate: scenario.Profile{To: rate}, From: 20,
	}
}

// run attacks until the host has seen enough.
func run(t *testing.T, w scenario.Wave, h *host, enough func() bool) *record.Wave {
	t.Helper()
	r := record.New(time.Now(), time.Minute, []string{"loewen"})
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		New(w, h.Target, 0).Run(ctx, r)
	}()
	kit.Eventually(t, 30*time.Second, string(w.Vector)+" has come", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return enough()
	})
	stop()
	<-over
	got := r.Finish(time.Minute).Waves[0]
	if got.Due != got.Sent {
		t.Errorf("%s: %d due, %d sent", w.Vector, got.Due, got.Sent)
	}
	return got
}

// Each vector holds as many connections as it may, and no more, until it is over; then all
// are closed.
func TestConnectionsAreHeldAndBounded(t *testing.T) {
	for v, path := range map[scenario.Vector]string{scenario.SlowHeaders: "/", scenario.SlowBodies: "/cart", scenario.Handshakes: "", scenario.WebSockets: "/cardlink"} {
		t.Run(string(v), func(t *testing.T) {
			h := newHost(t, 0)
			const room = 20
			asks := v == scenario.SlowBodies || v == scenario.WebSockets
			got := run(t, wave(v, room, 300, path), h, func() bool {
				return h.seen == room && (!asks || h.requests["HTTP/1.1"] == room) && (v != scenario.SlowHeaders || h.secured == room)
			})
			// The end cuts some short that the host has seen already.
			if held := got.Got[record.Served]; held != got.Sent || held > room || held == 0 {
				t.Errorf("%d connections, outcomes %v: want %d that are held to the end", got.Sent, got.Got, room)
			}
			kit.Eventually(t, 10*time.Second, "all connections are closed", func() bool {
				h.mu.Lock()
				defer h.mu.Unlock()
				return h.now == 0
			})
			if h.seen != room || !asks && h.requests["HTTP/1.1"] > 0 {
				t.Errorf("%d connections and %v requests came, want %d connections", h.seen, h.requests, room)
			}
		})
	}
}

// A target that ends slow connections is recorded as such, and each makes room for another.
func TestTargetEndsConnections(t *testing.T) {
	h := newHost(t, 300*time.Millisecond)
	const room = 5
	got := run(t, wave(scenario.SlowHeaders, room, 300, "/"), h, func() bool { return h.seen >= 3*room })
	if ended := got.Got[record.Forbidden]; ended == 0 || ended+got.Got[record.Served]+got.Got[record.Unanswered] != got.Sent {
		t.Errorf("outcomes %v: want some that the target ended", got.Got)
	}
}

// A target that is not there is no success of the attack.
func TestNobodyAnswers(t *testing.T) {
	for _, v := range []scenario.Vector{scenario.SlowHeaders, scenario.Handshakes, scenario.WebSockets, scenario.QUIC, scenario.RapidReset} {
		h := newHost(t, 0)
		tried := 0
		h.Dial = func(context.Context, netip.Addr) (net.Conn, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			tried++
			return nil, net.ErrClosed
		}
		got := run(t, wave(v, 5, 50, "/"), h, func() bool { return tried > 5 || v == scenario.QUIC })
		if got.Got[record.Unanswered] != got.Sent {
			t.Errorf("%s: outcomes %v", v, got.Got)
		}
	}
}

// Streams that are reset come to the shop, at no more than the rate of the wave; a header
// that never ends does not, and the server ends its connection.
func TestStreams(t *testing.T) {
	h := newHost(t, 0)
	begun := time.Now()
	got := run(t, wave(scenario.RapidReset, 4, 400, "/"), h, func() bool { return h.requests["HTTP/2.0"] >= 50 })
	if most := int(400*time.Since(begun).Seconds()) + 8; got.Got[record.Served] > most {
		t.Errorf("outcomes %v: want at most %d streams", got.Got, most)
	}
	h = newHost(t, 0)
	got = run(t, wave(scenario.Continuation, 2, 2000, "/"), h, func() bool { return h.seen >= 4 })
	if came := h.requests["HTTP/2.0"]; came > 0 || got.Got[record.Forbidden] < 100 {
		t.Errorf("%d requests came to the shop, outcomes %v: want none, and connections that were ended", came, got.Got)
	}
}

// One half of the handshakes is completed; the other is left in the middle.
func TestQUIC(t *testing.T) {
	h := newHost(t, 0)
	l, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{Certificates: h.certificates, NextProtos: []string{"h3"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := 0
	go func() {
		for {
			if _, err := l.Accept(context.Background()); err != nil {
				return
			}
			h.mu.Lock()
			accepted++
			h.mu.Unlock()
		}
	}()
	h.Target.QUIC = func(netip.Addr) netip.AddrPort { return netip.MustParseAddrPort(l.Addr().String()) }
	got := run(t, wave(scenario.QUIC, 20, 100, ""), h, func() bool { return accepted >= 10 })
	h.mu.Lock()
	defer h.mu.Unlock()
	if accepted > 10 || got.Got[record.Served] < 10 {
		t.Errorf("%d handshakes were completed, outcomes %v: want one half of 20", accepted, got.Got)
	}
}
