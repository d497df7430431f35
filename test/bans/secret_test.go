package bans

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

const (
	rotatedRate  = 20 // of the exact zone, a second
	rotatedBurst = 10
	otherSecret  = "another-one-for-tests-on-loopback"
)

// rotation is a tier that changes its secret under traffic.
type rotation struct {
	t     *testing.T
	edges []*edge.Edge
	files []string

	loads    sync.WaitGroup
	stop     chan struct{}
	refused  sync.Map // what a customer or a banned client got that it should not
	customer atomic.Int64
	admitted atomic.Int64 // by the exact zone
}

func startRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{t: t, stop: make(chan struct{})}
	redis, backend := need.Redis(t).Addr, kit.NewBackend(t)
	for i := range 2 {
		file := filepath.Join(t.TempDir(), "secret")
		r.files = append(r.files, file)
		r.write(i, kit.Secret)
		r.edges = append(r.edges, edge.Start(t, kit.Global(fmt.Sprintf("node edge-%d\nsecret {file.%s}\nredis redis://%s", i+1, file, redis))+
			kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+backend.Addr)+
			kit.Site("sonnen.localhost:{$PORT}", fmt.Sprintf(`shield sonnen {
	limit client off
	limit subnet off
	limit exactly {
		key shop
		rate %d/s
		burst %d
		exact
	}
}
shop_backend %s
`, rotatedRate, rotatedBurst, backend.Addr))))
	}
	for _, e := range r.edges {
		kit.Eventually(t, 10*time.Second, "every edge knows all edges", func() bool { return len(kit.StatusOf(t, e).Store.Nodes) == 2 })
	}
	return r
}

// write replaces the file of an edge's secrets.
func (r *rotation) write(i int, secrets ...string) {
	r.t.Helper()
	if err := os.WriteFile(r.files[i], []byte(strings.Join(secrets, "\n")+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// secrets are the fingerprints at an edge.
func (r *rotation) secrets(i int) []string {
	r.t.Helper()
	s := kit.StatusOf(r.t, r.edges[i]).Secret
	return append([]string{s.First}, s.Accepted...)
}

// change writes the files of edges and waits until they have taken them.
func (r *rotation) change(edges []int, secrets ...string) {
	r.t.Helper()
	before := make(map[int]string)
	for _, i := range edges {
		before[i] = strings.Join(r.secrets(i), " ")
		r.write(i, secrets...)
	}
	for _, i := range edges {
		kit.Eventually(r.t, 30*time.Second, "the edge takes the file", func() bool {
			is := r.secrets(i)
			return strings.Join(is, " ") != before[i] && len(is) == len(secrets)
		})
	}
}

// send has a client ask both edges in turn until the end, and calls back with each answer.
func (r *rotation) send(from, path string, pause time.Duration, answered func(status int), header ...string) {
	client := edge.From(from)
	r.loads.Go(func() {
		defer client.CloseIdleConnections()
		for i := 0; ; i++ {
			select {
			case <-r.stop:
				return
			case <-time.After(pause):
			}
			got := kit.Get(r.t, client, r.edges[i%2].URL+path, append(header, "User-Agent: "+kit.UserAgent, "Accept: text/html", "Sec-Fetch-Mode: navigate")...)
			answered(got.Status)
		}
	})
}

// only notes every other answer.
func (r *rotation) only(client string, want int) func(int) {
	return func(status int) {
		r.customer.Add(1)
		if status != want {
			r.refused.Store(fmt.Sprintf("%s: status %d, want %d", client, status, want), time.Now())
		}
	}
}

// check fails with what has gone wrong since the last time.
func (r *rotation) check(when string) {
	r.t.Helper()
	r.refused.Range(func(what, at any) bool {
		r.t.Errorf("%s: %s, at %s", when, what, at.(time.Time).Format(time.TimeOnly))
		r.refused.Delete(what)
		return true
	})
}

// bounded counts what the exact zone admits while a flood is ten times over its rate.
// While edges hash differently it has a bucket at each.
func (r *rotation) bounded(when string, begin time.Time, before, buckets int64) {
	r.t.Helper()
	took := time.Since(begin).Seconds()
	got := float64(r.admitted.Load() - before)
	least, most := 0.7*took*rotatedRate, float64(buckets)*(took*rotatedRate+rotatedBurst)+5
	r.t.Logf("%s: the exact zone admitted %.0f in %.1f s, %.1f/s", when, got, took, got/took)
	if got > most || got < least {
		r.t.Errorf("%s: the exact zone admitted %.0f in %.1f s, want %.0f to %.0f", when, got, took, least, most)
	}
}

// TestTheTierChangesItsSecret in three steps, edge by edge and by its file alone: a pass and
// a time stamp of before are good at both edges in each step, a ban holds, no edge says that
// the other one is unlike, and an exact zone is exact before and after. Without the older
// secret all that is over: the control.
func TestTheTierChangesItsSecret(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	r := startRotation(t)
	both := []int{0, 1}
	if said, err := kit.Shield(t, r.edges[0], "ban", "127.41.9.1", "--for", "10m"); err != nil {
		t.Fatal(said)
	}
	kit.SetLevel(t, r.edges[0], "loewen", shop.Attack)
	for _, e := range r.edges {
		kit.Eventually(t, 5*time.Second, "the edge knows of the attack and of the ban", func() bool {
			return kit.LevelOf(t, e, "loewen") == shop.Attack && len(kit.BansOf(t, e).Bans) == 1
		})
	}
	customer := kit.NewVisitor(t, r.edges[0], "127.41.0.2")
	customer.Earn("/")
	old := "Cookie: theriac=" + customer.Pass
	stamp := "Cookie: theriac-seen=" + kit.Stamp(t, "loewen", "127.41.1.2", kit.UserAgent, 30*24*time.Hour)
	r.send("127.41.0.2", "/", 250*time.Millisecond, r.only("a customer with a pass", http.StatusOK), old)
	r.send("127.41.1.2", "/", 500*time.Millisecond, r.only("a customer with a time stamp", http.StatusOK), stamp)
	r.send("127.41.9.1", "/", 250*time.Millisecond, r.only("a banned client", http.StatusTooManyRequests))
	for n := range 4 {
		r.send(fmt.Sprintf("127.41.5.%d", n+1), "/", 20*time.Millisecond, func(status int) {
			if status == http.StatusOK {
				r.admitted.Add(1)
			}
		}, "Host: sonnen.localhost")
	}
	step := func(when string, do func(), buckets int64) {
		t.Helper()
		begin, before := time.Now(), r.admitted.Load()
		do()
		time.Sleep(time.Second)
		r.check(when)
		r.bounded(when, begin, before, buckets)
		for _, i := range both {
			if unlike := kit.StatusOf(t, r.edges[i]).Secret.Unlike; len(unlike) > 0 {
				t.Errorf("%s: edge %d says %q", when, i+1, unlike)
			}
		}
	}
	step("before", func() {}, 1)
	step("both accept the new one", func() { r.change(both, kit.Secret, otherSecret) }, 1)
	step("both use the new one", func() { r.change(both[:1], otherSecret, kit.Secret); r.change(both[1:], otherSecret, kit.Secret) }, 2)
	step("and go on", func() {}, 1)
	if n := kit.Metric(t, r.edges[1], `theriac_shield_older_secret_total{what="pass"}`); n == 0 {
		t.Error("no pass of the older secret was counted: this test proves nothing")
	}
	close(r.stop)
	r.loads.Wait()
	t.Logf("%d requests of customers and of a banned client", r.customer.Load())
	fresh := kit.NewVisitor(t, r.edges[0], "127.41.3.2")
	fresh.Earn("/")
	r.change(both, otherSecret)
	for i, e := range r.edges {
		for what, got := range map[string]kit.Reply{
			"a pass of the older secret":   open(t, "127.41.0.2", e.URL, old),
			"a stamp of the older secret":  open(t, "127.41.1.2", e.URL, stamp),
			"a client banned under it":     open(t, "127.41.9.1", e.URL),
			"a pass of the new one (good)": open(t, "127.41.3.2", e.URL, "Cookie: theriac="+fresh.Pass),
		} {
			want := http.StatusServiceUnavailable // a challenge
			if strings.HasSuffix(what, "(good)") {
				want = http.StatusOK
			}
			if got.Status != want {
				t.Errorf("edge %d, after the older secret is gone: %s gets %d, want %d", i+1, what, got.Status, want)
			}
		}
	}
	r.write(1, "too short")
	kit.Eventually(t, 30*time.Second, "status and log say that the file cannot be used", func() bool {
		s := kit.StatusOf(t, r.edges[1])
		return len(s.Unusable) == 1 && len(r.secrets(1)) == 1 && strings.Contains(r.edges[1].Log(), "cannot use the secret")
	})
}
