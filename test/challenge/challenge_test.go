package challenge

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// challengedTier starts edges with one Redis and a shop that challenges.
func challengedTier(t testing.TB, n int, redis, backend, settings string) []*edge.Edge {
	t.Helper()
	edges := make([]*edge.Edge, n)
	for i := range edges {
		edges[i] = edge.Start(t, kit.Global(fmt.Sprintf("node edge-%d\nsecret %s\nredis redis://%s", i+1, kit.Secret, redis))+
			kit.Site(kit.AnyHost, "shield loewen {\n\tlimit client off\n\tlimit subnet off\n"+kit.Indent(settings, 1)+"}\nshop_backend "+backend))
	}
	for _, e := range edges {
		kit.Eventually(t, 10*time.Second, "every edge knows all edges", func() bool {
			s := kit.StatusOf(t, e)
			return s.Store.Shared && len(s.Store.Nodes) == n
		})
	}
	return edges
}

// challengedEdge starts one edge that counts alone.
func challengedEdge(t testing.TB, backend, settings string) *edge.Edge {
	t.Helper()
	return edge.Start(t, kit.Global("secret "+kit.Secret)+
		kit.Site(kit.AnyHost, "shield loewen {\n\tlimit client off\n\tlimit subnet off\n"+kit.Indent(settings, 1)+"}\nshop_backend "+backend))
}

// TestOneSolutionOnePass: a hundred submissions of one solution at three edges
// at once give exactly one pass.
func TestOneSolutionOnePass(t *testing.T) {
	b := kit.NewBackend(t)
	patient := need.Redis(t).Addr + " {\n\tdeadline 500ms\n}" // a busy machine is no lost store
	edges := challengedTier(t, 3, patient, b.Addr, "")
	k := kit.Keys(t)
	for round := range 5 {
		answer := kit.Solution(t, string(k.AppendChallenge(nil, kit.Cheap(k, "loewen", kit.UserAgent), time.Now())))
		var mu sync.Mutex
		words := make(map[string]int)
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				v := kit.NewVisitor(t, edges[i%len(edges)], fmt.Sprintf("127.%d.%d.1", 20+round, i))
				status, word, pass := v.Submit(answer)
				mu.Lock()
				defer mu.Unlock()
				words[fmt.Sprintf("%d %s pass %v", status, word, pass != "")]++
			})
		}
		all.Wait()
		if words["204  pass true"] != 1 || words["409 replayed pass false"] != 99 {
			t.Errorf("round %d: %v, want one pass and 99 replays", round, words)
		}
	}
}

// TestTokensAreRefused: what is not a fresh solution of this shop's challenge
// for this browser gives no pass.
func TestTokensAreRefused(t *testing.T) {
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	v := kit.NewVisitor(t, e, "127.30.0.1")
	k := kit.Keys(t)
	now := time.Now()
	fresh := func() string { return string(k.AppendChallenge(nil, kit.Cheap(k, "loewen", kit.UserAgent), now)) }
	late := kit.Cheap(k, "loewen", kit.UserAgent)
	late.Expires = now.Add(-time.Second)
	good := kit.Solution(t, fresh())
	if status, word, pass := v.Submit(good); status != http.StatusNoContent || pass == "" {
		t.Fatalf("the control, a good answer: %d %s", status, word)
	}
	token, rest, _ := strings.Cut(kit.Solution(t, fresh()), ".")
	other := fresh()
	for _, c := range []struct{ what, answer, word string }{
		{"a replay", good, "replayed"},
		{"nothing", "", "malformed"},
		{"a token alone", fresh(), "malformed"},
		{"half a token", token[:30] + "." + rest, "malformed"},
		{"half of the answers", token + "." + rest[:100], "malformed"},
		{"too long", strings.Repeat("a", 4096), "malformed"},
		{"not base64", token[:58] + "!." + rest, "malformed"},
		{"a changed token", "A" + token[1:] + "." + rest, "malformed"},
		{"another's MAC", token[:40] + other[40:] + "." + rest, "forged"},
		{"a cheaper price", cheaper(token) + "." + rest, "forged"},
		{"another challenge's answers", other + "." + rest, "wrong"},
		{"expired", kit.Solution(t, string(k.AppendChallenge(nil, late, now.Add(-time.Minute)))), "expired"},
		{"another shop's", kit.Solution(t, string(k.AppendChallenge(nil, kit.Cheap(k, "sonnen", kit.UserAgent), now))), "forged"},
		{"another browser's", kit.Solution(t, string(k.AppendChallenge(nil, kit.Cheap(k, "loewen", "curl/8"), now))), "forged"},
	} {
		status, word, pass := v.Submit(c.answer)
		if word != c.word || pass != "" || status < 400 {
			t.Errorf("%s: %d %q, pass %q; want %q", c.what, status, word, pass, c.word)
		}
	}
	if got := b.Requests.Load(); got != 0 {
		t.Errorf("%d requests reached the shop", got)
	}
	answer := kit.Solution(t, fresh())
	kit.SetLevel(t, e, "loewen", shop.Siege)
	if status, word, _ := v.Submit(answer); word != "expired" {
		t.Errorf("a challenge from two levels below: %d %q", status, word)
	}
}

// cheaper raises the threshold in a token, which makes it easier to solve.
func cheaper(token string) string { return token[:6] + "_" + token[7:] }

// TestPassesAreBound: a pass is good for its shop and its browser only, and
// for levels that are not far above its own.
func TestPassesAreBound(t *testing.T) {
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	v := kit.NewVisitor(t, e, "127.31.0.1")
	v.Earn("/product/1")
	passes := func(what string, v *kit.Visitor, want bool) {
		t.Helper()
		status, _, _ := v.Get("/product/1")
		if got := status == http.StatusOK; got != want {
			t.Errorf("%s: status %d, want it let through: %v", what, status, want)
		}
	}
	passes("its own visitor", v, true)
	stranger := *v
	stranger.Agent = "another browser"
	passes("another browser", &stranger, false)
	forged := *v
	forged.Pass = "A" + v.Pass[1:]
	passes("a forged pass", &forged, false)
	moved := kit.NewVisitor(t, e, "127.99.0.1")
	moved.Pass = v.Pass
	passes("another address", moved, true)
	kit.SetLevel(t, e, "loewen", shop.Heavy)
	passes("one level higher", v, true)
	kit.SetLevel(t, e, "loewen", shop.Siege)
	passes("two levels higher", v, false)
	kit.SetLevel(t, e, "loewen", shop.Calm)
	passes("in quiet times without any", kit.NewVisitor(t, e, "127.31.0.2"), true)
}

// TestWhatIsAnswered: each kind of request is challenged in the form that its
// sender can use, or not at all.
func TestWhatIsAnswered(t *testing.T) {
	_, addr := kit.OpenShop(t, demoshop.Loewen())
	e := challengedEdge(t, addr, "partner erp {\n\theader X-Api-Key only-for-tests-0123\n}")
	kit.Get(t, http.DefaultClient, e.URL+"/static/shop.css") // shows where the shop has styles
	kit.SetLevel(t, e, "loewen", shop.Heavy)
	for i, c := range []struct {
		what, method, path string
		header             []string
		status             int
		holds              string
	}{
		{"a page", "GET", "/product/1", []string{"Sec-Fetch-Mode: navigate"}, 503, "<progress"},
		{"a page for HEAD", "HEAD", "/", []string{"Sec-Fetch-Mode: navigate"}, 503, ""},
		{"a search", "GET", "/search?q=tee", []string{"Accept: text/html"}, 503, "<progress"},
		{"a sent form", "POST", "/checkout", []string{"Sec-Fetch-Mode: navigate", "Content-Type: application/x-www-form-urlencoded"}, 503, "<progress"},
		{"fetch", "GET", "/cart", []string{"Sec-Fetch-Mode: cors", "Accept: */*"}, 429, `{"error":"challenge_required","url":"/.theriac/challenge"}`},
		{"an old browser's fetch", "GET", "/cart", []string{"Accept: */*"}, 429, "challenge_required"},
		{"an old browser's events", "GET", "/order/status", []string{"Accept: text/event-stream"}, 429, "challenge_required"},
		{"an old browser's picture", "GET", "/image/4711", []string{"Accept: image/webp,image/*;q=0.8,*/*;q=0.5"}, 429, ""},
		{"a worker's request for a page", "GET", "/product/1", []string{"Sec-Fetch-Mode: same-origin", "Accept: text/html,*/*;q=0.8"}, 429, "<progress"},
		{"a worker's request by address", "GET", "/product/1", []string{"Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: */*", "Referer: http://loewen.localhost/sw.js?v=2"}, 429, "<progress"},
		{"an API", "GET", "/api/products", []string{"Accept: application/json"}, 429, "challenge_required"},
		{"a picture that the shop renders", "GET", "/product/1", []string{"Sec-Fetch-Mode: no-cors", "Accept: image/*"}, 429, ""},
		{"a prefetch", "GET", "/product/1", []string{"Sec-Purpose: prefetch", "Sec-Fetch-Mode: navigate"}, 503, ""},
		{"a style", "GET", "/static/shop.css", []string{"Sec-Fetch-Mode: no-cors", "Accept: text/css"}, 0, ""},
		{"a callback", "POST", "/payment/callback", []string{"Accept: */*"}, 0, ""},
		{"a partner", "GET", "/api/products", []string{"X-Api-Key: only-for-tests-0123", "Accept: */*"}, 0, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, e.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("User-Agent", kit.UserAgent)
		for _, h := range c.header {
			name, value, _ := strings.Cut(h, ": ")
			request.Header.Set(name, value)
		}
		v := kit.NewVisitor(t, e, fmt.Sprintf("127.32.%d.1", i)) // each within its allowance
		status, header, body := v.Do(request)
		asked := header.Get("X-Theriac-Challenge") != "" || strings.Contains(body, "theriac")
		switch {
		case c.status == 0 && (asked || status == 503):
			t.Errorf("%s is challenged: %d %.100s", c.what, status, body)
		case c.status != 0 && (status != c.status || !strings.Contains(body, c.holds) || header.Get("Cache-Control") != "no-store"):
			t.Errorf("%s: status %d, Cache-Control %q, want %d with %q; body %.200s", c.what, status, header.Get("Cache-Control"), c.status, c.holds, body)
		case c.status != 0 && c.what != "a prefetch" && header.Get("X-Theriac-Challenge") != "/.theriac/challenge":
			t.Errorf("%s: the answer does not say that it is a challenge: %v", c.what, header)
		case c.status == 503 && c.holds != "" && (!strings.Contains(body, "noindex") || header.Get("Retry-After") == ""):
			t.Errorf("%s: header %v", c.what, header)
		}
	}
}
