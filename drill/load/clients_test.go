package load

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func addrOf(s *httptest.Server) netip.AddrPort {
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

func TestClientsSendAgainWhenAKeptConnectionIsGone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	by := NewClients(addrOf(server), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	defer by.Close()
	for range 3 {
		req := httptest.NewRequest(http.MethodGet, server.URL, nil)
		if _, err := by.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
}

func TestLoadWithoutServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	by := NewClients(addrOf(server), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	ld := Load{Clients: by, Targets: []vegeta.Target{Get(by, "loewen.localhost", "/")}, Rate: 100, Workers: 1}
	_, err := ld.Measure(t.Context(), 50*time.Millisecond)
	if err == nil || !strings.HasSuffix(err.Error(), "requests failed, such as: dial: connect: connection refused") {
		t.Errorf("a load that reaches no server: %v", err)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	by := NewClients(addrOf(server), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	defer by.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ld := Load{Clients: by, Targets: []vegeta.Target{Get(by, "loewen.localhost", "/")}, Rate: Unpaced, Workers: 4}
	begun := time.Now()
	if _, err := ld.Measure(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an interrupted load: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("an interrupted load took %s to stop", took)
	}
}
