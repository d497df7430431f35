// Package waves attacks a shop behind real edges that watch it, and measures as its customers do.
package waves

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
	"github.com/theriac-edge/theriac/watch"
)

// The long run: go test ./test/waves -v -run TestWaves -runs 5
var (
	runsFlag = flag.Int("runs", 0, "how often each attack is run; 0: the first one, once, as in CI")
	waveFlag = flag.String("wave", "", "the only attack that is run")
)

func TestMain(m *testing.M) {
	need.Alone()
	sample.Main(m)
}

// tier is three edges that share a store, in front of one shop.
type tier struct {
	edges   []*edge.Edge
	redis   *need.RedisServer
	backend string
	watch   string // the option
}

// edge starts an edge.
func (tr *tier) edge(t *testing.T, n int) *edge.Edge {
	t.Helper()
	return edge.Start(t, kit.Global(fmt.Sprintf("node edge-%d\nsecret %s\n%s\nredis redis://%s", n, kit.Secret, tr.watch, tr.redis.Addr))+
		kit.Site(kit.AnyHost, "shield loewen {\n\twaf off\n}\nshop_backend "+tr.backend))
}

func startTier(t *testing.T, n int, mode string) *tier {
	t.Helper()
	s, err := demoshop.New(demoshop.Config{Slug: "loewen", PageCost: time.Millisecond, Concurrency: 4, Queue: 64, Patience: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	backend := httptest.NewServer(s)
	t.Cleanup(backend.Close)
	tr := &tier{redis: need.Redis(t), backend: backend.Listener.Addr().String(), watch: mode}
	if err := world.Teach(t.Context(), tr.redis.Addr, map[string]*watch.Baseline{"loewen": world.Learned(ordinary)}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		tr.edges = append(tr.edges, tr.edge(t, i+1))
	}
	sample.Within(t, 30*time.Second, "one edge leads, and all hear each other", func() bool {
		return tr.leader(t) != nil && len(tr.status(t, 0).Edges) == n
	})
	return tr
}

// ordinary is what our customers ask for in a second: the shop is no new one.
func ordinary(int) (s watch.Second) {
	const pages = 14
	s.Vouched[watch.Page], s.Through[watch.Page], s.Answered, s.Assets = pages, pages, pages, 4*pages
	return s
}

// status is what an edge says of its watch.
type status struct {
	Role  string   `json:"role"`
	Edges []string `json:"edges"`
	Shops []struct {
		Level shop.Level `json:"level"`
		Words string     `json:"words"`
	} `json:"shops"`
}

func (tr *tier) status(t *testing.T, i int) (s status) {
	t.Helper()
	tr.edges[i].Get(t, "/shield/watch", &s)
	return s
}

// leader is the edge that leads, or nil.
func (tr *tier) leader(t *testing.T) *edge.Edge {
	t.Helper()
	for i, e := range tr.edges {
		if tr.status(t, i).Role == "leading" {
			return e
		}
	}
	return nil
}

// wave is an attack that comes to all edges, each bot to one of them.
type wave struct {
	name   string
	rate   int // requests a second
	from   int // addresses
	method string
	path   string // %d: another one each time
	lasts  time.Duration
	level  shop.Level // that is right
	low    bool       // low and slow
	pulses int        // how often it comes, ten seconds apart; 0: once
}

var waves = []wave{
	{name: "get flood 200/s", rate: 200, from: 300, path: "/product/%d", lasts: 20 * time.Second, level: shop.Attack},
	{name: "get flood 2,000/s", rate: 2000, from: 1000, path: "/product/%d", lasts: 25 * time.Second, level: shop.Attack},
	{name: "search storm 100/s", rate: 100, from: 500, path: "/search?q=word%d", lasts: 25 * time.Second, level: shop.Attack},
	{name: "warning shot 500/s", rate: 500, from: 300, path: "/", lasts: 20 * time.Second, level: shop.Attack},
	{name: "pulses 500/s", rate: 500, from: 400, path: "/product/%d", lasts: 8 * time.Second, pulses: 3, level: shop.Attack},
	{name: "log-in guessing 6/s", rate: 6, from: 200, method: http.MethodPost, path: "/account/login", lasts: 45 * time.Second, level: shop.Attack, low: true},
	{name: "five clients", rate: 95, from: 5, path: "/product/%d", lasts: 20 * time.Second, level: shop.Raised},
}

// send sends the attack, from the nth run of addresses.
func (w *wave) send(ctx context.Context, tr *tier, run int) {
	var all sync.WaitGroup
	defer all.Wait()
	n := len(tr.edges)
	for i, e := range tr.edges {
		var from []netip.Addr
		for k := i; k < w.from; k += n {
			from = append(from, netip.AddrFrom4([4]byte{127, byte(80 + run%100), byte(k / 250), byte(1 + k%250)}))
		}
		clients := load.NewClients(netip.MustParseAddrPort(e.Addr), from, nil)
		var targets []vegeta.Target
		for k := range 50 {
			target := load.Get(clients, "loewen.localhost", w.at(i, k))
			if w.method != "" {
				target.Method = w.method
				target.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				target.Body = fmt.Appendf(nil, "email=kunde%d%%40example.org&password=geheim%d", k, k)
			}
			targets = append(targets, target)
		}
		rate := w.rate / n
		if i < w.rate%n {
			rate++
		}
		all.Go(func() {
			defer clients.Close()
			load.Load{Clients: clients, Targets: targets, Rate: max(1, rate), Workers: 500}.Send(ctx, w.lasts, func(*vegeta.Result) {})
		})
	}
}

// sendAll sends it as often as it comes.
func (w *wave) sendAll(ctx context.Context, tr *tier, run int) {
	for pulse := range max(1, w.pulses) {
		if pulse > 0 {
			time.Sleep(10 * time.Second)
		}
		w.send(ctx, tr, run)
	}
}

func (w *wave) at(edge, k int) string {
	if slices.Contains([]string{"/", "/account/login"}, w.path) {
		return w.path
	}
	return fmt.Sprintf(w.path, 1+(edge*50+k)%9)
}

// customers are visitors with a pass, at all edges, and what they see in each second.
type customers struct {
	began time.Time
	mu    sync.Mutex
	seen  [][2]int // good, all
}

// come lets customers browse until ctx ends.
func (tr *tier) come(ctx context.Context, t *testing.T, n int) (c *customers, wait func()) {
	t.Helper()
	c = &customers{began: time.Now()}
	var all sync.WaitGroup
	for i := range n {
		e := tr.edges[i%len(tr.edges)]
		v := kit.NewVisitor(t, e, fmt.Sprintf("127.60.0.%d", i+1))
		v.Earn("/")
		all.Go(func() {
			for ctx.Err() == nil {
				c.look(ctx, v)
				time.Sleep(400 * time.Millisecond)
			}
		})
	}
	return c, all.Wait
}

// look looks at a page, with what belongs to it.
func (c *customers) look(ctx context.Context, v *kit.Visitor) {
	began := time.Now()
	status := fetch(ctx, v, "/", "text/html,*/*;q=0.8")
	took := time.Since(began)
	for range 4 {
		fetch(ctx, v, "/static/shop.css", "text/css,*/*;q=0.1")
	}
	if ctx.Err() != nil {
		return
	}
	good := status == http.StatusOK && took < time.Second
	c.mu.Lock()
	defer c.mu.Unlock()
	second := int(began.Sub(c.began) / time.Second)
	for len(c.seen) <= second {
		c.seen = append(c.seen, [2]int{})
	}
	c.seen[second][1]++
	if good {
		c.seen[second][0]++
	}
}

// fetch fetches a page or a part of one, and returns its status, 0 if there was no answer.
func fetch(ctx context.Context, v *kit.Visitor, path, accept string) (status int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.Edge.URL+path, nil)
	if err != nil {
		return 0
	}
	request.Header.Set("User-Agent", kit.UserAgent)
	request.Header.Set("Accept", accept)
	request.AddCookie(&http.Cookie{Name: "theriac", Value: v.Pass})
	response, err := v.Client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// effective is how long after onset customers are served well for ten seconds, or -1.
func (c *customers) effective(onset time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := int(onset.Sub(c.began) / time.Second)
	for from := first; from+10 <= len(c.seen); from++ {
		good, all := 0, 0
		for _, s := range c.seen[from : from+10] {
			good, all = good+s[0], all+s[1]
		}
		if all > 0 && good*100 >= all*95 {
			return from - first
		}
	}
	return -1
}

// TestWaves: edges raise the level of an attacked shop by themselves, and its customers go on
// buying. The control: in shadow they raise nothing.
func TestWaves(t *testing.T) {
	need.Loopback(t)
	runs := max(1, *runsFlag)
	for _, w := range waves {
		if *runsFlag == 0 && w.name != waves[0].name || *waveFlag != "" && w.name != *waveFlag {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			for run := range runs {
				w.measure(t, run)
			}
		})
	}
}

func (w *wave) measure(t *testing.T, run int) {
	tr := startTier(t, 3, "watch on")
	kit.SetLevel(t, tr.edges[0], "loewen", shop.Attack) // so that customers are asked for a pass
	sample.Within(t, 10*time.Second, "all edges know the level", func() bool {
		return kit.LevelOf(t, tr.edges[1], "loewen") == shop.Attack && kit.LevelOf(t, tr.edges[2], "loewen") == shop.Attack
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, wait := tr.come(ctx, t, 6)
	tr.edges[0].Post(t, "/shield/level", `{"shop":"loewen","auto":true}`)
	time.Sleep(5 * time.Second)
	if got := kit.LevelOf(t, tr.edges[0], "loewen"); got != shop.Calm {
		t.Fatalf("level %d before the attack", got)
	}
	onset := time.Now()
	over := make(chan struct{})
	go func() { defer close(over); w.sendAll(ctx, tr, run) }()
	detected := time.Duration(-1)
	for end := onset.Add(w.lasts); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if kit.LevelOf(t, tr.edges[run%3], "loewen") >= w.level {
			detected = time.Since(onset)
			break
		}
	}
	<-over
	cancel()
	wait()
	words := tr.status(t, 0).Shops[0].Words
	effective := c.effective(onset)
	tr.checkIncident(t, w, onset, detected, effective)
	t.Logf("%s, run %d: detected after %.1f s, effective after %d s, level %d: %s", w.name, run+1, detected.Seconds(), effective, kit.LevelOf(t, tr.edges[0], "loewen"), words)
	limit := 10 * time.Second
	if w.low {
		limit = time.Minute
	}
	if detected < 0 || detected > limit || effective < 0 || effective > 15 {
		t.Errorf("%s: detected after %s, effective after %d s", w.name, detected, effective)
	}
}
