package bench

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/drill/load"
)

func TestChecks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, "later")
	}))
	defer server.Close()
	by := load.NewClients(netip.MustParseAddrPort(server.Listener.Addr().String()), []netip.Addr{netip.MustParseAddr("127.0.0.1")}, page)
	defer by.Close()
	ld := load.Load{Clients: by, Targets: []vegeta.Target{load.Get(by, host, "/")}, Rate: 100, Workers: 1}
	_, err := ld.Measure(t.Context(), 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "the answer was 429 with 5 bytes instead of 200") {
		t.Errorf("a load that is refused: %v", err)
	}
	by.Check = page429
	if _, err = ld.Measure(t.Context(), 50*time.Millisecond); err == nil {
		t.Error("a refusal without Retry-After counts as one of ours")
	}
	by.Check = answered
	if _, err = ld.Measure(t.Context(), 50*time.Millisecond); err != nil {
		t.Error(err)
	}
}
