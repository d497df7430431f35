package main

import (
	"context"
	"errors"
	"io"
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

func TestSourcesAskAgainWhenAKeptConnectionIsGone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	by := newSources(addrOf(server), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	defer by.close()
	for range 3 {
		req := httptest.NewRequest(http.MethodGet, server.URL, nil)
		if _, err := by.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
}

func TestSourcesCheckAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, "later")
	}))
	defer server.Close()
	by := newSources(addrOf(server), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, page)
	defer by.close()
	ld := load{by: by, targets: []vegeta.Target{get(by, host, "/")}, rate: 100, workers: 1}
	_, err := ld.measure(t.Context(), 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "the answer was 429 with 5 bytes instead of 200") {
		t.Errorf("a load that is refused says %v", err)
	}
	by.check = page429
	if _, err = ld.measure(t.Context(), 50*time.Millisecond); err == nil {
		t.Error("a refusal without Retry-After counts as one of ours")
	}
	by.check = answered
	if _, err = ld.measure(t.Context(), 50*time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestLoadWithNobodyThere(t *testing.T) {
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	by := newSources(netip.MustParseAddrPort(addr), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	ld := load{by: by, targets: []vegeta.Target{get(by, host, "/")}, rate: 100, workers: 1}
	_, err = ld.measure(t.Context(), 50*time.Millisecond)
	if err == nil || !strings.HasSuffix(err.Error(), "requests went wrong, such as: dial: connect: connection refused") {
		t.Errorf("a load that reaches nobody says %v", err)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	by := newSources(addrOf(server), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	defer by.close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ld := load{by: by, targets: []vegeta.Target{get(by, host, "/")}, rate: unpaced, workers: 4}
	begun := time.Now()
	if _, err := ld.measure(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an interrupted load says %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("an interrupted load took %s to stop", took)
	}
}

func TestTicks(t *testing.T) {
	// Whatever the moment, a load that keeps up has sent what is due.
	for _, rate := range []int{1, 100, 333, 8000, maxRate} {
		var sent uint64
		var elapsed time.Duration
		for elapsed < 3*time.Second {
			wait, stop := ticks(rate).Pace(elapsed, sent)
			switch {
			case stop || wait < 0:
				t.Fatalf("at %d/s after %s: wait %s, stop %v", rate, elapsed, wait, stop)
			case wait == 0:
				sent++
			}
			elapsed += wait
		}
		if want := uint64(3 * rate); sent < want-uint64(rate/100) || sent > want+uint64(rate/100)+1 {
			t.Errorf("at %d/s %d requests were sent in 3s, want %d", rate, sent, want)
		}
	}
}
