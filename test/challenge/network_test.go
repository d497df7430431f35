package challenge

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// proxied starts an edge behind a balancer at 127.0.0.1, which tells each visitor's address.
func proxied(t testing.TB, backend, settings string) *edge.Edge {
	t.Helper()
	head := strings.Replace(kit.Global("secret "+kit.Secret), "\tshield {",
		"\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict\n\t}\n\tshield {", 1)
	return edge.Start(t, head+kit.Site(kit.AnyHost, "shield loewen {\n"+kit.Indent(settings, 1)+"}\nshop_backend "+backend))
}

// via has a visitor come through the balancer from an address.
func via(t testing.TB, e *edge.Edge, address string) *kit.Visitor {
	t.Helper()
	v := kit.NewVisitor(t, e, "127.0.0.1")
	v.Client.Transport = forwarded{v.Client.Transport, address}
	return v
}

type forwarded struct {
	http.RoundTripper
	address string
}

func (f forwarded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", f.address)
	return f.RoundTripper.RoundTrip(r)
}

// cheapAnswer is a solution that is not worth its time.
func cheapAnswer(t testing.TB) string {
	t.Helper()
	k := kit.Keys(t)
	return kit.Solution(t, string(k.AppendChallenge(nil, kit.Cheap(k, "loewen", kit.UserAgent), time.Now())))
}

// wrongAnswer looks like one, and solves nothing.
func wrongAnswer(t testing.TB) string {
	t.Helper()
	token, nonces, _ := strings.Cut(cheapAnswer(t), ".")
	return token + "." + strings.Repeat("A", 8) + nonces[8:]
}

// TestCarriersCustomersSolve: three clients of a carrier's /24 send wrong answers as fast as
// the limits allow, and a neighbour's pass keeps them from being banned. The right answers of
// eight others count, and so do their waits.
func TestCarriersCustomersSolve(t *testing.T) {
	need.Loopback(t)
	e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+kit.NewBackend(t).Addr))
	kit.SetLevel(t, e, "loewen", shop.Attack)
	customer := kit.NewVisitor(t, e, "127.70.0.1")
	customer.Earn("/product/1")

	var wrong, capped atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(4 * time.Second)
	for i := range 3 {
		v := kit.NewVisitor(t, e, fmt.Sprintf("127.70.0.%d", 10+i))
		answers := make([]string, 60)
		for n := range answers {
			answers[n] = wrongAnswer(t)
		}
		all.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				switch _, word, _ := v.Submit(answers[n%len(answers)]); word {
				case "wrong":
					wrong.Add(1)
				case "capped":
					capped.Add(1)
				}
				time.Sleep(55 * time.Millisecond)
			}
		})
	}
	right := 0
	for i := range 8 {
		for range 3 {
			v := kit.NewVisitor(t, e, fmt.Sprintf("127.70.0.%d", 100+i))
			status, word, pass := v.Submit(cheapAnswer(t))
			if status != http.StatusNoContent || pass == "" {
				t.Errorf("neighbour %d: %d %s", i, status, word)
				continue
			}
			right++
			customer.Get("/product/1")
			time.Sleep(100 * time.Millisecond)
		}
	}
	all.Wait()
	if right != 24 || wrong.Load() < 100 {
		t.Errorf("%d of 24 right answers of neighbours counted, beside %d wrong ones", right, wrong.Load())
	}
	// The controls: a client with wrong answers is told to wait, and one with right answers, but
	// too many of them, too.
	if capped.Load() == 0 {
		t.Error("no client with wrong answers has to wait")
	}
	words := make(map[string]int)
	for range 45 {
		_, word, _ := kit.NewVisitor(t, e, "127.70.0.200").Submit(cheapAnswer(t))
		words[word]++
	}
	if words["capped"] == 0 {
		t.Errorf("one client gets %v, want 40 passes and the rest capped", words)
	}
}

// TestSubnetsOfOneSite: 256 subnets of a /48 get the passes of four, and at level 0 the
// requests of four.
func TestSubnetsOfOneSite(t *testing.T) {
	t.Parallel()
	e := proxied(t, kit.NewBackend(t).Addr, "limit pages off\nlimit client off")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	earned := func(network string) (passes int) {
		for i := range 256 {
			v := via(t, e, fmt.Sprintf(network, i))
			for range 3 {
				if status, _, _ := v.Submit(cheapAnswer(t)); status == http.StatusNoContent {
					passes++
				}
			}
		}
		return passes
	}
	begin := time.Now()
	site := earned("2001:db8:1:%x00::1")
	if most := 480 + 4*int(time.Since(begin)/time.Second+1); site < 480 || site > most {
		t.Errorf("256 subnets of one /48 got %d passes, want 480 to %d", site, most)
	}
	if others := earned("2001:db8:%x::1"); others < 3*255 { // one of them is the /48 from above
		t.Errorf("256 subnets of as many /48 got %d passes, want three each", others)
	}

	kit.SetLevel(t, e, "loewen", shop.Calm)
	reached := func(network string) (n int64) {
		var all sync.WaitGroup
		var count atomic.Int64
		for part := range 8 {
			all.Go(func() {
				for i := part; i < 256; i += 8 {
					v := via(t, e, fmt.Sprintf(network, i))
					for range 12 {
						if status, _, _ := v.Get("/product/1"); status == http.StatusOK {
							count.Add(1)
						}
					}
				}
			})
		}
		all.Wait()
		return count.Load()
	}
	begin = time.Now()
	n := reached("2001:db8:2:%x00::1")
	if most := 2400 + 800*int64(time.Since(begin)/time.Second+1); n > most {
		t.Errorf("256 subnets of one /48 reached the shop %d times, want %d at the most", n, most)
	}
	if got := kit.Metric(t, e, `theriac_limit_decisions_total{decision="refused",shop="loewen",zone="site"}`); n < 3072 && got == 0 {
		t.Error("no request was refused by the zone of the /48")
	}
	if n := reached("192.0.%d.1"); n != 12*256 {
		t.Errorf("256 subnets of IPv4 reached the shop %d times, want %d", n, 12*256)
	}
}

// TestPassesOfQuietTimes: what was bought at level 1's price before the attack is worth half
// at level 2, and nothing after an hour.
func TestPassesOfQuietTimes(t *testing.T) {
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "limit pages off")
	k := kit.Keys(t)
	pass := func(level shop.Level, age time.Duration) *kit.Visitor {
		v := kit.NewVisitor(t, e, "127.71.0.1")
		issued := time.Now().Add(-age)
		v.Pass = string(k.AppendPass(nil, &pow.Pass{
			Kind: pow.Work, Level: uint8(level), Issued: issued, Expires: issued.Add(12 * time.Hour), Binding: k.Binding("loewen", kit.UserAgent),
			Net: kit.Net(t, "127.71.0.1"),
		}, issued))
		return v
	}
	kit.SetLevel(t, e, "loewen", shop.Attack)
	for _, c := range []struct {
		what   string
		v      *kit.Visitor
		budget int
	}{
		{"of level 2", pass(shop.Attack, 0), homeBudget},
		{"of level 1", pass(shop.Raised, 0), homeBudget / 2},
		{"of level 1, two hours old", pass(shop.Raised, 2*time.Hour), 0},
	} {
		begin := time.Now()
		if got := c.v.SpendAll("/product/1"); !within(got, c.budget, time.Since(begin)) {
			t.Errorf("a pass %s is worth %d requests at level 2, want %d", c.what, got, c.budget)
		}
	}
	// The control: at level 1, where it was earned, it is good.
	kit.SetLevel(t, e, "loewen", shop.Raised)
	old := pass(shop.Raised, 2*time.Hour)
	if request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/product/1", nil); err != nil {
		t.Fatal(err)
	} else if request.Header.Set("User-Agent", kit.UserAgent); true { // without Accept: suspicious
		if status, _, _ := old.Do(request); status != http.StatusOK {
			t.Errorf("at level 1 a pass of level 1 that is two hours old gets status %d", status)
		}
	}
}

// TestStampsOfQuietTimes: one address gathers few time stamps, and 40 of them serve few
// addresses elsewhere. At home they are 40 customers.
func TestStampsOfQuietTimes(t *testing.T) {
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "limit pages off")
	gathered := 0
	for range 46 {
		if stampFrom(t, e, "127.72.0.1") != "" {
			gathered++
		}
	}
	if gathered < 12 || gathered > 13 {
		t.Errorf("46 visits of one address gathered %d time stamps, want 12", gathered)
	}
	kit.SetLevel(t, e, "loewen", shop.Attack)
	known := func(subnet int) (n int) {
		for i := range 40 {
			v := kit.NewVisitor(t, e, fmt.Sprintf("127.72.%d.%d", subnet, 1+i))
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+"/product/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header = http.Header{"User-Agent": {kit.UserAgent}, "Accept": {"text/html"}}
			request.AddCookie(&http.Cookie{Name: "theriac-seen", Value: kit.Stamp(t, "loewen", "127.72.0.1", kit.UserAgent, time.Hour)})
			if status, _, _ := v.Do(request); status == http.StatusOK {
				n++
			}
		}
		return n
	}
	if n := known(1); n < 10 || n > 11 {
		t.Errorf("40 time stamps from elsewhere served %d addresses of one subnet, want 10", n)
	}
	if n := known(0); n != 40 {
		t.Errorf("40 time stamps served %d of 40 customers in their subnet", n)
	}
	if got := kit.Metric(t, e, `theriac_challenge_outcomes_total{outcome="stamp_capped",shop="loewen"}`); got < 29 {
		t.Errorf("the edge counts %d time stamps that did not count, want about 30", got)
	}
}

// TestStolenPassServesNoBotnet: a pass is good where it was earned and in one other subnet,
// with all that a page loads there at once. A visitor that moves on earns another.
func TestStolenPassServesNoBotnet(t *testing.T) {
	need.Loopback(t)
	b := kit.NewBackend(t)
	e := challengedEdge(t, b.Addr, "limit pages off")
	kit.SetLevel(t, e, "loewen", shop.Attack)
	owner := kit.NewVisitor(t, e, "127.73.0.1")
	owner.Earn("/product/1")
	at := func(from string) *kit.Visitor {
		v := kit.NewVisitor(t, e, from)
		v.Pass = owner.Pass
		return v
	}
	moved := at("127.73.1.1")
	var all sync.WaitGroup
	var refused atomic.Int64
	for range 11 {
		all.Go(func() {
			if status, _, _ := moved.Get("/product/1"); status != http.StatusOK {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if n := refused.Load(); n != 0 {
		t.Errorf("%d of a page and the ten requests with it are challenged in another subnet", n)
	}
	for i := range 100 {
		if status, _, _ := at(fmt.Sprintf("127.74.%d.1", i)).Get("/product/1"); status == http.StatusOK {
			t.Fatalf("the pass serves subnet %d besides", i+3)
		}
	}
	third := at("127.74.1.1")
	third.Earn("/checkout")
	for what, v := range map[string]*kit.Visitor{"the owner": owner, "one move later": moved, "two moves later, with a new pass": third} {
		if status, _, _ := v.Get("/checkout"); status != http.StatusOK {
			t.Errorf("%s: status %d", what, status)
		}
	}
}
