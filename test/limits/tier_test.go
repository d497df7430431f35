package limits

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// The limit that three edges share, and how much more comes at them.
const (
	tierRate     = 300 // a second
	tierBurst    = 100
	tierOverload = 10
)

// tierSite has one zone for the shop, and one for log-ins that is exact.
func tierSite(backend string) string {
	return kit.Site(kit.AnyHost, fmt.Sprintf(`shield loewen {
	limit client off
	limit subnet off
	limit pages off
	limit total {
		match not path /account/login
		key shop
		rate %d/s
		burst %d
	}
	limit login {
		match path /account/login
		key shop
		rate 50/s
		burst 20
		exact
	}
}
shop_backend %s
`, tierRate, tierBurst, backend))
}

// startTier starts n edges with one Redis and waits until all know each other.
func startTier(t testing.TB, n int, redis, backend string) []*edge.Edge {
	t.Helper()
	edges := make([]*edge.Edge, n)
	for i := range edges {
		edges[i] = edge.Start(t, kit.Global(fmt.Sprintf("node edge-%d\nsecret only-for-tests-on-loopback\nredis redis://%s", i+1, redis))+
			tierSite(backend))
	}
	for _, e := range edges {
		kit.Eventually(t, 10*time.Second, "every edge knows all edges", func() bool {
			s := kit.StatusOf(t, e)
			return s.Store.Shared && len(s.Store.Nodes) == n
		})
	}
	return edges
}

// flood sends the same load to each of the edges.
func flood(t testing.TB, edges []*edge.Edge, path string, rate int) []*load {
	t.Helper()
	loads := make([]*load, len(edges))
	for i, e := range edges {
		loads[i] = startLoad(t, e.URL+path, 8, rate/len(edges))
	}
	return loads
}

// sentBetween joins what all loads sent from one time to another.
func sentBetween(loads []*load, from, to time.Time) (answers []answer) {
	for _, l := range loads {
		answers = append(answers, l.between(from, to)...)
	}
	return answers
}

// TestTierHoldsTheLimitTogether: three edges admit 0.97 to 1.02 of the limit.
func TestTierHoldsTheLimitTogether(t *testing.T) {
	need.Time(t)
	shop := kit.NewBackend(t)
	edges := startTier(t, 3, need.Redis(t).Addr, shop.Addr)
	begin := time.Now()
	loads := flood(t, edges, "/", tierRate*tierOverload)
	time.Sleep(9 * time.Second)
	for _, l := range loads {
		l.stop()
	}
	took := time.Since(begin)
	answers := sentBetween(loads, begin, time.Now())
	onlyPassedOrRefused(t, answers)
	limit := tierBurst + tierRate*took.Seconds()
	admitted := float64(shop.Requests.Load())
	t.Logf("%d requests in %.1f s, %.0f admitted of %.0f: %.3f", len(answers), took.Seconds(), admitted, limit, admitted/limit)
	if passed := with(answers, http.StatusOK); passed != int(admitted) {
		t.Errorf("%d answers were 200, but %.0f requests reached the shop", passed, admitted)
	}
	if sent := float64(len(answers)) / took.Seconds(); sent < 0.8*tierRate*tierOverload {
		t.Errorf("only %.0f requests a second could be sent", sent)
	}
	if ratio := admitted / limit; ratio < 0.97 || ratio > 1.02 {
		t.Errorf("admitted %.3f of the limit, want 0.97 to 1.02", ratio)
	}
}

// TestTierNeverExceedsAnExactZone: not by one request.
func TestTierNeverExceedsAnExactZone(t *testing.T) {
	need.Time(t)
	shop := kit.NewBackend(t)
	edges := startTier(t, 3, need.Redis(t).Addr, shop.Addr)
	begin := time.Now()
	loads := flood(t, edges, "/account/login", 900)
	time.Sleep(5 * time.Second)
	for _, l := range loads {
		l.stop()
	}
	took := time.Since(begin)
	onlyPassedOrRefused(t, sentBetween(loads, begin, time.Now()))
	limit := 20 + 50*took.Seconds()
	admitted := float64(shop.Requests.Load())
	t.Logf("%.0f admitted of %.1f", admitted, limit)
	if admitted > limit || admitted < 0.95*limit {
		t.Errorf("%.0f admitted, want at most %.1f and not much less", admitted, limit)
	}
}
