package process

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// twoShops is an edge with a shop whose rate and whose neighbour change.
func twoShops(backend string, rate int, neighbour string) string {
	return kit.Global("") + kit.Site("loewen.localhost:{$PORT}", fmt.Sprintf(`shield loewen {
	limit client {
		rate %d/s
		burst 20000
	}
	limit subnet off
	limit pages off
	limit orders off
	limit login {
		match path /account/login
		rate 5/h
	}
}
shop_backend %s
`, rate, backend)) + kit.Site("sonnen.localhost:{$PORT}", fmt.Sprintf("shield sonnen {\n\tname %q\n}\nshop_backend %s\n", neighbour, backend))
}

func startTwoShops(t testing.TB, backend string) (e *edge.Edge, configure func(rate int, neighbour string) string) {
	t.Helper()
	configure = func(rate int, neighbour string) string { return twoShops(backend, rate, neighbour) }
	return edge.Start(t, configure(5000, "Sonne")), configure
}

// TestReloadUnderLoad: ten reloads, which change the rate of this shop and the
// name of another. Nobody gets an answer that is wrong, and what gets no answer
// has not reached the shop. A few fresh connections do get none: Go's server
// hangs up on connections that have not asked yet when it shuts down, and the
// kernel on those that it had not handed out. Bare Caddy loses them, too: each
// client has one on its way, and seldom a second.
func TestReloadUnderLoad(t *testing.T) {
	need.Time(t)
	shop := kit.NewBackend(t)
	e, configure := startTwoShops(t, shop.Addr)
	lost := reloadLoses(t, shop, e, configure)
	if most := int64(2 * reloads * freshClients); lost > most {
		t.Errorf("%d requests got no answer, want %d at most", lost, most)
	}
}

const reloads, freshClients, keptClients = 10, 4, 4

// reloadLoses sends requests over kept connections and new ones, a hundred
// between two reloads, and returns how many got no answer.
func reloadLoses(t *testing.T, shop *kit.Backend, e *edge.Edge, configure func(int, string) string) int64 {
	t.Helper()
	reached := shop.Requests.Load()
	var sent, silent atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	shoot := func(method string, keepAlive bool, body string) {
		transport := &http.Transport{DisableKeepAlives: !keepAlive}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
		for ctx.Err() == nil {
			request, err := http.NewRequest(method, e.URL+"/", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			request.Host = "loewen.localhost"
			request.Header.Set("Content-Type", "text/plain")
			response, err := client.Do(request)
			sent.Add(1)
			switch {
			case err != nil:
				silent.Add(1)
			case response.StatusCode != http.StatusOK:
				t.Errorf("%s: status %d", method, response.StatusCode)
			}
			if err == nil {
				response.Body.Close()
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	for range keptClients {
		clients.Go(func() { shoot(http.MethodGet, true, "") })
	}
	for range freshClients {
		clients.Go(func() { shoot(http.MethodPost, false, strings.Repeat("x", 200)) })
	}
	hundredMore := func() {
		for enough := sent.Load() + 100; sent.Load() < enough && !t.Failed(); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	for i := range reloads {
		hundredMore()
		e.Reload(t, configure(5000+i, fmt.Sprint("Sonne ", i)))
	}
	hundredMore()
	cancel()
	clients.Wait()
	reached = shop.Requests.Load() - reached
	t.Logf("%d requests over %d reloads, %d got no answer; %d reached the shop", sent.Load(), reloads, silent.Load(), reached)
	if reached != sent.Load()-silent.Load() {
		t.Errorf("%d of %d requests got no answer, but %d reached the shop", silent.Load(), sent.Load(), reached)
	}
	return silent.Load()
}

// TestReloadLosesNoCount: a client that had used up the log-in zone stays refused, and
// the tally of the shop goes on.
func TestReloadLosesNoCount(t *testing.T) {
	t.Parallel()
	shop := kit.NewBackend(t)
	e, configure := startTwoShops(t, shop.Addr)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	login := func() int {
		return kit.Send(t, client, http.MethodPost, e.URL+"/account/login", "", "Host: loewen.localhost").Status
	}
	for i := range 5 {
		if status := login(); status != http.StatusOK {
			t.Fatalf("try %d: status %d", i+1, status)
		}
	}
	for i := range 3 {
		e.Reload(t, configure(6000+i, "Sonne"))
		time.Sleep(100 * time.Millisecond) // until the old servers listen no more
		if status := login(); status != http.StatusTooManyRequests {
			t.Errorf("after reload %d: status %d, want 429", i+1, status)
		}
	}
	shops := shopsOf(t, e)
	if got := shops["loewen"]; got.Requests != 8 || got.Refused != 3 {
		t.Errorf("the tally says %d requests and %d refused, want 8 and 3", got.Requests, got.Refused)
	}
	if got := shop.Requests.Load(); got != 5 {
		t.Errorf("%d requests reached the shop, want 5", got)
	}
}

// shopReport is a line of GET /shield/shops.
type shopReport struct {
	ID                        string
	Requests, Refused, Failed int64
}

func shopsOf(t testing.TB, e *edge.Edge) map[string]shopReport {
	t.Helper()
	var list []shopReport
	e.Get(t, "/shield/shops", &list)
	byID := make(map[string]shopReport)
	for _, s := range list {
		byID[s.ID] = s
	}
	return byID
}

// TestReloadKeepsPrescriptionsGoing: a CardLink session survives reloads
// behind shop_backend, and would not behind a bare reverse_proxy.
func TestReloadKeepsPrescriptionsGoing(t *testing.T) {
	t.Parallel()
	_, addr := kit.OpenShop(t, demoshop.Loewen())
	config := func(rate int, proxy string) string {
		return kit.Global("") + kit.Site(kit.AnyHost, fmt.Sprintf("shield loewen {\n\tlimit client {\n\t\trate %d/s\n\t}\n}\n%s %s\n", rate, proxy, addr))
	}
	for proxy, survives := range map[string]bool{"shop_backend": true, "reverse_proxy": false} {
		e := edge.Start(t, config(100, proxy))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		conn, _, err := websocket.Dial(ctx, e.URL+"/cardlink", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		if err := kit.Say(ctx, conn, 1); err != nil {
			t.Fatal(err)
		}
		e.Reload(t, config(101, proxy))
		time.Sleep(300 * time.Millisecond)
		e.Reload(t, config(102, proxy))
		err = kit.Say(ctx, conn, 2)
		if survives && err != nil {
			t.Errorf("%s: the session broke: %v", proxy, err)
		}
		if !survives && err == nil {
			t.Errorf("%s: the session survived: this test proves nothing", proxy)
		}
	}
}
