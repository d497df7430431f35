package challenge

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// The budgets of level 2, for ten minutes, as README.md says.
const (
	homeBudget     = 240
	awayBudget     = 80
	waitedBudget   = 20
	rememberBudget = 240
)

// within allows what a budget gains while it is being spent.
func within(got, budget int, took time.Duration) bool {
	return got >= budget && float64(got) <= float64(budget)*(1+took.Seconds()/600)+1
}

// TestPassesHaveBudgets: a pass is worth a number of requests; another one for
// ordering; and a third of the first from one other subnet. After that the next pass
// costs more.
func TestPassesHaveBudgets(t *testing.T) {
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "limit pages off\nlimit orders off")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	v := kit.NewVisitor(t, e, "127.40.0.1")
	v.Earn("/product/1")
	begin := time.Now()
	if got := v.SpendAll("/product/1"); !within(got, homeBudget, time.Since(begin)) {
		t.Errorf("%d pages for one pass, want %d", got, homeBudget)
	}
	if got := v.SpendAll("/checkout"); !within(got, homeBudget, time.Since(begin)) {
		t.Errorf("%d pages of the checkout for one pass, want %d", got, homeBudget)
	}
	away := 0
	for i := range 10 {
		moved := kit.NewVisitor(t, e, fmt.Sprintf("127.41.%d.1", i))
		moved.Pass = v.Pass
		away += moved.SpendAll("/product/1")
	}
	if !within(away, awayBudget, time.Since(begin)) {
		t.Errorf("%d pages from ten other networks, want %d of one of them", away, awayBudget)
	}
	fresh := hashes(t, kit.NewVisitor(t, e, "127.42.0.1").Token("/product/1"))
	if again := hashes(t, v.Token("/product/1")); again < 1.4*fresh || again > 1.6*fresh {
		t.Errorf("the next pass costs %.0f hashes, the first %.0f: want half as much more", again, fresh)
	}
}

// hashes is what a token's work costs in the mean.
func hashes(t testing.TB, token string) float64 {
	t.Helper()
	c, _, err := kit.Keys(t).OpenChallenge(token, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return float64(c.K) * (1 << 32) / float64(c.Threshold)
}

// TestPassesAreCapped: one subnet gets so many passes and no more,
// others are not held to that, and its price rises before.
func TestPassesAreCapped(t *testing.T) {
	e := challengedEdge(t, kit.NewBackend(t).Addr, "")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	k := kit.Keys(t)
	words := make(map[string]int)
	before := hashes(t, kit.NewVisitor(t, e, "127.43.0.1").Token("/"))
	for i := range 160 {
		v := kit.NewVisitor(t, e, fmt.Sprintf("127.43.0.%d", i+1))
		status, word, _ := v.Submit(kit.Solution(t, string(k.AppendChallenge(nil, kit.Cheap(k, "loewen", kit.UserAgent), time.Now()))))
		words[fmt.Sprint(status, word)]++
	}
	if passes := words["204"]; passes < 90 || passes > 130 || passes+words["429capped"] != 160 {
		t.Errorf("%v; want about 120 passes and the rest capped", words)
	}
	if after := hashes(t, kit.NewVisitor(t, e, "127.43.0.200").Token("/")); after < 1.4*before {
		t.Errorf("the price is %.0f hashes, before it was %.0f", after, before)
	}
	kit.NewVisitor(t, e, "127.43.1.1").Earn("/")
}

// TestWaitingInstead: a visitor without JavaScript gets a pass for waiting, once, not
// before its time, and a smaller one.
func TestWaitingInstead(t *testing.T) {
	need.Time(t)
	t.Parallel()
	e := challengedEdge(t, kit.NewBackend(t).Addr, "")
	kit.SetLevel(t, e, "loewen", shop.Raised)
	v := kit.NewVisitor(t, e, "127.44.0.1")
	v.Agent = "" // suspicious
	page := func(path string) (delay int, wait string) {
		t.Helper()
		status, header, page := v.Get(path)
		found := kit.WaitIn.FindStringSubmatch(page)
		if strings.HasPrefix(path, "/.theriac/wait") && (found == nil || header.Get("Retry-After") != found[1]) {
			t.Errorf("too early: Retry-After is %q, the page waits %.1q", header.Get("Retry-After"), found)
		}
		if status != http.StatusServiceUnavailable || found == nil {
			t.Fatalf("status %d, no way to wait in\n%.600s", status, page)
		}
		delay, _ = strconv.Atoi(found[1]) // digits
		return delay, html.UnescapeString(found[2])
	}
	delay, wait := page("/product/1?a=b&c=d")
	if status, header, body := v.Get(wait); status != http.StatusServiceUnavailable || header.Get("Set-Cookie") != "" {
		t.Errorf("too early: status %d, header %v\n%.300s", status, header, body)
	}
	page(wait)
	time.Sleep(time.Duration(delay) * time.Second)
	status, header, _ := v.Get(wait)
	next := header.Get("Location")
	if status != http.StatusSeeOther || !strings.HasPrefix(next, "/.theriac/wait?to=") {
		t.Fatalf("after %d s: status %d to %q", delay, status, next)
	}
	if status, _, body := v.Get(next); status != http.StatusForbidden || !strings.Contains(body, "Cookies") {
		t.Errorf("without cookies: status %d\n%.300s", status, body)
	}
	if status, header, _ := v.Get(wait); status != http.StatusServiceUnavailable || header.Get("Set-Cookie") != "" {
		t.Errorf("a second time: status %d, header %v", status, header)
	}
	v.Pass = passIn(header)
	if status, header, _ := v.Get(next); status != http.StatusSeeOther || header.Get("Location") != "/product/1?a=b&c=d" {
		t.Errorf("with the pass: status %d to %q", status, header.Get("Location"))
	}
	begin := time.Now()
	if got := v.SpendAll("/product/1"); !within(got, waitedBudget, time.Since(begin)) {
		t.Errorf("%d pages for waiting, want %d", got, waitedBudget)
	}
	for _, to := range []string{"//evil.example", "https://evil.example/", `/\evil.example`} {
		if _, header, _ := v.Get("/.theriac/wait?to=" + url.QueryEscape(to)); header.Get("Location") != "" {
			t.Errorf("sent on to %q", header.Get("Location"))
		}
	}
}

// passIn is the pass that an answer sets.
func passIn(header http.Header) string {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.Name == "theriac" {
			return c.Value
		}
	}
	return ""
}

// stampFrom opens a page in quiet times and returns the time stamp.
func stampFrom(t testing.TB, e *edge.Edge, from string) string {
	t.Helper()
	_, header, _ := kit.NewVisitor(t, e, from).Get("/")
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.Name == "theriac-seen" {
			return c.Value
		}
	}
	return ""
}

// TestKnownCustomers: a visitor from before the attack needs no challenge at
// level 2, at 3 as everybody.
func TestKnownCustomers(t *testing.T) {
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "")
	young := stampFrom(t, e, "127.45.0.1")
	if young == "" {
		t.Fatal("no time stamp in quiet times")
	}
	kit.SetLevel(t, e, "loewen", shop.Attack)
	old := kit.Stamp(t, "loewen", "127.45.0.1", kit.UserAgent, time.Hour)
	for _, c := range []struct {
		what, stamp string
		want        bool
	}{
		{"one from before", old, true},
		{"one from just before", young, false},
		{"one from nine minutes before", kit.Stamp(t, "loewen", "127.45.0.1", kit.UserAgent, 9*time.Minute), false},
		{"one from another shop", kit.Stamp(t, "sonnen", "127.45.0.1", kit.UserAgent, time.Hour), false},
		{"one that made it up", "A" + old[1:], false},
		{"nobody", "", false},
	} {
		if got := sees(t, b, e, c.stamp) == 1; got != c.want {
			t.Errorf("%s: let through %v, want %v", c.what, got, c.want)
		}
	}
	if stamp := stampFrom(t, e, "127.45.0.9"); stamp != "" {
		t.Error("time stamps are given during the attack")
	}
	begin := time.Now()
	pages := 1
	for sees(t, b, e, old) == 1 && pages < 2000 {
		pages++
	}
	if !within(pages, rememberBudget, time.Since(begin)) {
		t.Errorf("%d pages for one time stamp, want %d", pages, rememberBudget)
	}
	kit.SetLevel(t, e, "loewen", shop.Heavy)
	if sees(t, b, e, kit.Stamp(t, "loewen", "127.45.0.1", kit.UserAgent, time.Hour)) != 0 {
		t.Error("a known customer passes at level 3")
	}
}

// TestStampsCanBeSwitchedOff: then there are no known customers.
func TestStampsCanBeSwitchedOff(t *testing.T) {
	e := challengedEdge(t, kit.NewBackend(t).Addr, "challenge auto {\n\tstamps off\n}")
	if stamp := stampFrom(t, e, "127.46.0.1"); stamp != "" {
		t.Errorf("time stamp %q", stamp)
	}
}

// sees is how many requests of a visitor with that stamp reach the shop when
// it makes one.
func sees(t testing.TB, b *kit.Backend, e *edge.Edge, stamp string) int64 {
	t.Helper()
	before := b.Requests.Load()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/product/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("User-Agent", kit.UserAgent)
	request.Header.Set("Accept", "text/html")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	if stamp != "" {
		request.AddCookie(&http.Cookie{Name: "theriac-seen", Value: stamp})
	}
	kit.NewVisitor(t, e, "127.45.0.7").Do(request)
	return b.Requests.Load() - before
}
