package limits

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// deadline is how long a request may wait for the store, and noise how much
// longer any request may take on a machine that does other things, too.
const (
	deadline = 20 * time.Millisecond
	noise    = 30 * time.Millisecond
)

// lostTier is three edges under load in pages and in log-ins, the exact zone.
type lostTier struct {
	t            testing.TB
	edges        []*edge.Edge
	redis        *need.RedisServer
	pages, login []*load
	alone        *load // log-ins at an edge without Redis: the noise of the machine
}

func startLostTier(t testing.TB) *lostTier {
	t.Helper()
	need.Time(t)
	shop := kit.NewBackend(t)
	redis := need.Redis(t)
	l := &lostTier{t: t, redis: redis, edges: startTier(t, 3, redis.Addr, shop.Addr)}
	control := edge.Start(t, kit.Global("node alone")+tierSite(shop.Addr))
	l.pages = flood(t, l.edges, "/", tierRate*5)
	l.login = flood(t, l.edges, "/account/login", 300)
	l.alone = startLoad(t, control.URL+"/account/login", 8, 100)
	return l
}

// noWaiting holds the time since from to the promise: nobody waits for the
// store longer than the deadline, and nobody gets anything but 200 or 429.
func (l *lostTier) noWaiting(phase string, from time.Time) {
	l.t.Helper()
	to := time.Now()
	answers := append(sentBetween(l.login, from, to), sentBetween(l.pages, from, to)...)
	control := l.alone.between(from, to)
	onlyPassedOrRefused(l.t, answers)
	late, lateAlone := slower(answers, deadline+noise), slower(control, noise)
	l.t.Logf("%s: %d answers, p50 %s p99 %s max %s, %d late; without Redis %d answers, p50 %s p99 %s max %s, %d late", phase,
		len(answers), quantile(answers, .5), quantile(answers, .99), quantile(answers, 1), late,
		len(control), quantile(control, .5), quantile(control, .99), quantile(control, 1), lateAlone)
	// The control sends a fifteenth of what the tier gets.
	if allowed := 5 + 30*lateAlone; late > allowed {
		l.t.Errorf("%s: %d requests took longer than %s, %d were allowed", phase, late, deadline+noise, allowed)
	}
	p99, alone := quantile(answers, .99), quantile(control, .99)
	bound := deadline + alone
	if alone > noise {
		bound += alone // a busy machine delays a request at the edge, and once more at Redis
	}
	if p99 > bound {
		l.t.Errorf("%s: 99 percent of the requests took up to %s, without Redis %s", phase, p99, alone)
	}
}

// share counts what one edge admitted since from, of what it would admit with
// the share of the limit.
func (l *lostTier) share(from time.Time, of float64) {
	l.t.Helper()
	to := time.Now()
	for i, pages := range l.pages {
		admitted := float64(with(pages.between(from, to), http.StatusOK))
		limit := tierRate * to.Sub(from).Seconds() * of
		l.t.Logf("edge %d admitted %.0f of %.0f", i+1, admitted, limit)
		if ratio := admitted / limit; ratio > 1.08 || ratio < 0.9 {
			l.t.Errorf("edge %d admitted %.2f of its share", i+1, ratio)
		}
	}
}

// together holds all edges to the limits since from: what a bucket gives in
// that time, and its burst at most.
func (l *lostTier) together(phase string, from time.Time) {
	l.t.Helper()
	to := time.Now()
	admitted := float64(with(sentBetween(l.pages, from, to), http.StatusOK))
	limit := tierRate * to.Sub(from).Seconds()
	exact := float64(with(sentBetween(l.login, from, to), http.StatusOK))
	exactly := 50 * to.Sub(from).Seconds()
	l.t.Logf("%s: admitted %.0f of %.0f: %.3f; in the exact zone %.0f of %.0f", phase, admitted, limit, admitted/limit, exact, exactly)
	if admitted > 1.02*(limit+tierBurst) || admitted < 0.93*limit {
		l.t.Errorf("%s: admitted %.3f of the limit", phase, admitted/limit)
	}
	if exact > exactly+20 {
		l.t.Errorf("%s: the exact zone admitted %.0f, more than %.0f and its burst", phase, exact, exactly)
	}
}

// saysLost wants every edge to tell operators that the store is lost, and why.
func (l *lostTier) saysLost(why string) {
	l.t.Helper()
	for i, e := range l.edges {
		var s kit.Status
		kit.Eventually(l.t, 3*time.Second, fmt.Sprintf("edge %d says that the store is lost", i+1), func() bool {
			s = kit.StatusOf(l.t, e)
			return !s.Store.Shared
		})
		if !strings.Contains(s.Store.Reason, why) || !strings.Contains(s.Store.Reason, l.redis.Addr) {
			l.t.Errorf("edge %d says %q, which does not name %q and %s", i+1, s.Store.Reason, why, l.redis.Addr)
		}
		if log := e.Log(); !strings.Contains(log, "the shared store is lost") {
			l.t.Errorf("edge %d does not log that the store is lost", i+1)
		}
		if metrics := e.Metrics(l.t); !strings.Contains(metrics, "theriac_store_shared 0") {
			l.t.Errorf("edge %d: no theriac_store_shared 0 in the metrics", i+1)
		}
	}
}

// isBack waits until counts are shared again, and lets the edges settle.
func (l *lostTier) isBack() {
	l.t.Helper()
	for _, e := range l.edges {
		kit.Eventually(l.t, 5*time.Second, "counts are shared again", func() bool {
			s := kit.StatusOf(l.t, e)
			return s.Store.Shared && len(s.Store.Nodes) == 3
		})
	}
	time.Sleep(time.Second)
}

// without has the edges lose the store, and holds them to the promise: each
// goes on with its third of every limit, and says why.
func (l *lostTier) without(phase string, lose func(), why string) {
	l.t.Helper()
	lost := time.Now()
	lose()
	time.Sleep(time.Second)
	second := time.Now()
	time.Sleep(3 * time.Second)
	l.share(second, 1./3)
	l.together(phase, second)
	l.noWaiting(phase, lost)
	l.saysLost(why)
}

// again has the edges find the store, and holds them to the limits that they
// share.
func (l *lostTier) again(phase string, find func()) {
	l.t.Helper()
	found := time.Now()
	find()
	l.isBack()
	l.together(phase, l.sharedForAWhile(phase))
	l.noWaiting(phase, found)
}

// sharedForAWhile waits until no edge has lost the store for three seconds, and returns when
// they began. On a busy machine an edge may lose it again.
func (l *lostTier) sharedForAWhile(phase string) time.Time {
	l.t.Helper()
	for range 10 {
		back, losses := time.Now(), l.losses()
		time.Sleep(3 * time.Second)
		if l.losses() == losses || quantile(l.alone.between(back, time.Now()), .99) < noise {
			return back
		}
		l.t.Logf("%s: the machine was so busy that an edge lost the store again; once more", phase)
	}
	l.t.Fatalf("%s: the edges lost the store again and again for 30 seconds", phase)
	return time.Time{}
}

// losses is how often the edges have lost the store so far.
func (l *lostTier) losses() (n int) {
	for _, e := range l.edges {
		n += strings.Count(e.Log(), "the shared store is lost")
	}
	return n
}

// TestKilledRedis: kill -9 under load, and back again.
func TestKilledRedis(t *testing.T) {
	l := startLostTier(t)
	time.Sleep(2 * time.Second)
	peace := time.Now()
	time.Sleep(2 * time.Second)
	l.together("with Redis", peace)
	l.noWaiting("with Redis", peace)
	l.without("killed", l.redis.Kill, "nothing listens there")
	l.again("back", l.redis.Restart)
}

// TestFrozenRedis: a store that keeps its connections and never answers.
func TestFrozenRedis(t *testing.T) {
	l := startLostTier(t)
	time.Sleep(2 * time.Second)
	l.without("frozen", l.redis.Stop, "no answer within")
	l.again("thawed", l.redis.Cont)
}
