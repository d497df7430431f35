package attack

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/browser"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// shop answers in turn with everything that an attack can meet.
func shop(t *testing.T, serve http.HandlerFunc) load.Dial {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	target := netip.MustParseAddrPort(server.Listener.Addr().String())
	return func(ctx context.Context, from netip.Addr) (net.Conn, error) { return load.DialFrom(ctx, from, target) }
}

func TestOutcomesAreCountedExactly(t *testing.T) {
	var mu sync.Mutex
	var told [record.Outcomes]int
	sources := map[string]bool{}
	dial := shop(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n := 0
		for _, v := range told {
			n += v
		}
		o := record.Outcome(n % int(record.Outcomes))
		told[o]++
		sources[netip.MustParseAddrPort(r.RemoteAddr).Addr().String()] = true
		mu.Unlock()
		if r.Host != "loewen.localhost" || r.URL.Path != "/search" || r.URL.Query().Get("r") == "" {
			t.Errorf("the attack asked for %s%s", r.Host, r.URL)
		}
		switch o {
		case record.Limited:
			w.WriteHeader(http.StatusTooManyRequests)
		case record.Challenged:
			w.Header().Set(browser.ChallengeHeader, browser.ChallengePath)
			w.WriteHeader(http.StatusServiceUnavailable)
		case record.Forbidden:
			w.WriteHeader(http.StatusForbidden)
		case record.Failed:
			w.WriteHeader(http.StatusServiceUnavailable)
		case record.Unanswered:
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now())
			w.Header().Set("Content-Length", "9")
		}
	})
	w := scenario.Wave{
		Name: "w", For: scenario.Span(time.Second), Vector: scenario.Search, Paths: []string{"/search?q=Tee"}, Query: scenario.RandomQuery,
		Rate: scenario.Profile{From: 50, To: 250, Over: scenario.Span(time.Second)}, From: 40,
	}
	r := record.New(time.Now(), 3*time.Second, []string{"loewen"})
	New(w, HostOf("loewen"), dial, 1).Run(t.Context(), r)
	got := r.Finish(3 * time.Second).Waves[0]
	for o := range record.Outcomes {
		if o == record.Unanswered {
			continue // a GET on a kept connection is sent again
		}
		if got.Got[o] != told[o] {
			t.Errorf("%s: %d counted, %d were answered so", o, got.Got[o], told[o])
		}
	}
	if got.Due < 145 || got.Due > 150 || got.Sent+got.Missed < got.Due-5 {
		t.Errorf("due %d, sent %d, missed %d: want 150, and nothing without a trace", got.Due, got.Sent, got.Missed)
	}
	if len(sources) < 30 {
		t.Errorf("%d source addresses, want 40", len(sources))
	}
}

// A target that does not answer cannot slow the schedule down without a trace: what was
// due is either sent or missed.
func TestWhatCannotBeSentIsMissed(t *testing.T) {
	hang := make(chan struct{})
	dial := shop(t, func(http.ResponseWriter, *http.Request) { <-hang })
	w := scenario.Wave{Name: "w", For: scenario.Span(time.Second), Vector: scenario.Get, Paths: []string{"/"}, Rate: scenario.Profile{To: 200}, From: 10}
	r := record.New(time.Now(), 3*time.Second, []string{"loewen"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(1200*time.Millisecond, func() { cancel(); close(hang) })
	New(w, HostOf("loewen"), dial, 1).Run(ctx, r)
	got := r.Finish(3 * time.Second).Waves[0]
	if got.Sent > 20 || got.Missed < 100 {
		t.Errorf("sent %d, missed %d of %d: want 10 sent, since there are ten sources, and the rest missed", got.Sent, got.Missed, got.Due)
	}
}

// Each source brings a stamp of its own.
func TestOldStamps(t *testing.T) {
	var mu sync.Mutex
	wrong, right := 0, 0
	dial := shop(t, func(_ http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("stamp")
		mu.Lock()
		defer mu.Unlock()
		if err != nil || c.Value != netip.MustParseAddrPort(r.RemoteAddr).Addr().String() {
			wrong++
		} else {
			right++
		}
	})
	w := scenario.Wave{Name: "w", For: scenario.Span(300 * time.Millisecond), Vector: scenario.Login, Paths: []string{"/account/login"}, Stamps: scenario.OldStamps, Rate: scenario.Profile{To: 200}, From: 5}
	a := New(w, HostOf("loewen"), dial, 1)
	err := a.Prepare(func(_ string, from netip.Addr, _ string) (*http.Cookie, error) {
		return &http.Cookie{Name: "stamp", Value: from.String()}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Run(t.Context(), record.New(time.Now(), time.Second, []string{"loewen"}))
	if wrong > 0 || right == 0 {
		t.Errorf("%d requests with the stamp of their source, %d without", right, wrong)
	}
}
