package scrub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrub/lab"
	"github.com/theriac-edge/theriac/scrub/pinset"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/need"
)

// A yard is a lab in which an edge may serve a shop, and customers visit it.
type yard struct{ *lab.Lab }

const yardPage = "Aspirin Plus C, 20 effervescent tablets\n"

func newYard(t *testing.T) *yard {
	t.Helper()
	need.NetNS(t)
	need.BPF(t)
	l, err := lab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return &yard{l}
}

// sell opens a shop on the edge's host.
func (y *yard) sell(t *testing.T) {
	t.Helper()
	listener, err := y.Edge.Listen("tcp", "127.0.0.1:9000")
	if err != nil {
		t.Fatal(err)
	}
	shop := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, yardPage)
	}))
	shop.Listener.Close()
	shop.Listener = listener
	shop.Start()
	t.Cleanup(shop.Close)
}

// open starts the edge, and a shop behind it.
func (y *yard) open(t *testing.T) {
	t.Helper()
	y.sell(t)
	edge.StartIn(t, y.Edge, lab.Shop4.String()+":80", `{
	admin {$ADMIN}
	auto_https off
	persist_config off
	servers {
		protocols h1
	}
}
:{$PORT} {
	shop_backend 127.0.0.1:9000
}`)
}

// visits has customers come at this pace, whatever became of those before. Each
// opens a connection and asks for a page, over IPv4 and IPv6 in turn. It returns
// what went wrong.
func (y *yard) visits(ctx context.Context, n int, pace, patience time.Duration) (failed []error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return y.Client.Dial(ctx, netip.AddrPort{}, network, address)
		},
	}}
	outcomes := make(chan error, n)
	for i := range n {
		host := lab.Shop4.String()
		if i%2 == 1 {
			host = "[" + lab.Shop6.String() + "]"
		}
		go func() { outcomes <- visit(ctx, &client, "http://"+host+"/") }()
		time.Sleep(pace)
	}
	for range n {
		if err := <-outcomes; err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

func visit(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || string(page) != yardPage) {
		err = fmt.Errorf("%s, and %q", response.Status, page)
	}
	return err
}

// patience is how long a customer waits. A packet of theirs that is lost among
// others may be sent once more, which TCP does after a second.
const patience = 1200 * time.Millisecond

// A siege is what happened during a burst while customers came.
type siege struct {
	lab.Burst
	visits   []error // those that failed
	reached  lab.Seen
	answered lab.Seen
}

// besiege fires at the edge and has customers visit it meanwhile. They come in
// time for the last of them to be done, or to have given up, before the burst
// ends: that must not help anybody.
func (y *yard) besiege(t *testing.T, v lab.Vector, rate int, lasting time.Duration, customers int) (s siege) {
	t.Helper()
	reached, answered := y.seen(t)
	done := make(chan []error)
	go func() {
		const head = 100 * time.Millisecond
		time.Sleep(head)
		done <- y.visits(t.Context(), customers, (lasting-patience-head)/time.Duration(customers), patience)
	}()
	s.Burst = y.send(t, v, rate, lasting)
	s.visits = <-done
	s.reached, s.answered = y.seen(t)
	s.reached, s.answered = s.reached.Since(reached), s.answered.Since(answered)
	return s
}

func (y *yard) send(t *testing.T, v lab.Vector, rate int, lasting time.Duration) lab.Burst {
	t.Helper()
	sent, err := y.Send(t.Context(), v.Templates, rate, lasting)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// seen is what has reached the edge's own stack, and what the edge has answered.
func (y *yard) seen(t *testing.T) (reached, answered lab.Seen) {
	t.Helper()
	reached, err := y.Reached()
	if err != nil {
		t.Fatal(err)
	}
	answered, err = y.Answered()
	if err != nil {
		t.Fatal(err)
	}
	return reached, answered
}

// takeOff ends a dataplane of this process, and what is pinned of it.
func takeOff(t *testing.T, dataplane io.Closer, pins string) {
	t.Helper()
	if err := errors.Join(dataplane.Close(), pinset.Unload(pins)); err != nil {
		t.Error(err)
	}
}

// protect puts a scrubber with this policy before the yard's edge.
func (y *yard) protect(t *testing.T, policy string) *scrub.Scrubber {
	t.Helper()
	dir, err := y.BPFFS()
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range scrub.Settings {
		name := strings.ReplaceAll(setting.Name, "/", ".")
		if !strings.HasPrefix(name, "net.ipv4.") {
			continue // holds for the whole machine
		}
		if err := y.Edge.Set(name, setting.Want); err != nil {
			t.Fatal(err)
		}
	}
	pins := filepath.Join(dir, "theriac")
	s, err := scrub.Load(pins)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { takeOff(t, s, pins) })
	y.apply(t, s, policy)
	if err := y.Edge.Do(func() error {
		_, err := s.Attach(lab.ToInternet)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (y *yard) apply(t *testing.T, s *scrub.Scrubber, policy string) {
	t.Helper()
	c, err := scrub.Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := y.Edge.Do(func() error { return s.Apply(c) }); err != nil {
		t.Fatal(err)
	}
}

// tallies are the scrubber's counts by reason, those of all policies together.
func tallies(t *testing.T, s *scrub.Scrubber) map[string]uint64 {
	t.Helper()
	all, err := s.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	byReason := make(map[string]uint64)
	for _, tally := range all {
		byReason[tally.Reason.String()] += tally.Packets
	}
	return byReason
}

// since is what was counted after before.
func since(counted, before map[string]uint64) map[string]uint64 {
	for reason, n := range before {
		if counted[reason] -= n; counted[reason] == 0 {
			delete(counted, reason)
		}
	}
	return counted
}
