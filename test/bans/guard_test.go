package bans

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// passFor is a pass that an edge gave for work, to the browser of these tests.
func passFor(t testing.TB, id string, level shop.Level) string {
	t.Helper()
	now := time.Now()
	return "Cookie: theriac=" + string(kit.Keys(t).AppendPass(nil, &pow.Pass{
		Kind: pow.Work, Level: uint8(level), Issued: now, Expires: now.Add(time.Hour),
		Binding: kit.Keys(t).Binding(id, kit.UserAgent),
	}, now))
}

// TestCustomersProtectTheirSubnet: a flood beside a customer is limited and
// not banned. What is no customer guards nobody.
func TestCustomersProtectTheirSubnet(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	for _, c := range []struct {
		what   string
		from   string // the visitor; the flood comes from 127.9.0.1
		level  shop.Level
		cookie string
		guards bool
	}{
		{"a time stamp of an hour", "127.9.0.2", shop.Calm, stampOf(t, "loewen", time.Hour), true},
		{"a pass, under attack", "127.9.0.2", shop.Attack, passFor(t, "loewen", shop.Attack), true},
		{"a time stamp from before the attack", "127.9.0.2", shop.Attack, stampOf(t, "loewen", time.Hour), true},
		{"nothing", "127.9.0.2", shop.Calm, "X: 1", false},
		{"a fresh time stamp", "127.9.0.2", shop.Calm, stampOf(t, "loewen", time.Minute), false},
		{"a time stamp of another shop", "127.9.0.2", shop.Calm, stampOf(t, "sonnen", time.Hour), false},
		{"a forged time stamp", "127.9.0.2", shop.Calm, stampOf(t, "loewen", time.Hour)[:20] + strings.Repeat("A", 22), false},
		{"a forged pass, under attack", "127.9.0.2", shop.Attack, passFor(t, "loewen", shop.Attack)[:17] + strings.Repeat("A", 60), false},
		{"a time stamp in the next network", "127.9.1.2", shop.Calm, stampOf(t, "loewen", time.Hour), false},
	} {
		t.Run(c.what, func(t *testing.T) {
			e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "")))
			kit.SetLevel(t, e, "loewen", c.level)
			open(t, c.from, e.URL, c.cookie)
			pester(t, edge.From("127.9.0.1"), e.URL)
			if c.guards {
				time.Sleep(300 * time.Millisecond)
				if got := kit.BansOf(t, e); len(got.Bans) != 0 || len(got.Notes) == 0 || got.Notes[0].Outcome != "protected" || got.Notes[0].Client != "127.9.0.1" {
					t.Errorf("the list is %+v, want nobody, and a note", got)
				}
				if got := open(t, "127.9.0.1", e.URL); got.Status < 400 {
					t.Errorf("the flood is not limited either: %d", got.Status)
				}
				if got := open(t, c.from, e.URL, c.cookie); got.Status != 200 {
					t.Errorf("the customer is refused: %d", got.Status)
				}
				said, err := edge.Run(t, "shield", "bans", "--address", e.Admin)
				if err != nil || !strings.Contains(said, "protected: customers") {
					t.Errorf("shield bans: %v: %s", err, said)
				}
				return
			}
			kit.Eventually(t, time.Second, "the flood is banned", func() bool { return len(kit.BansOf(t, e).Bans) == 1 })
		})
	}
}

// TestFloodGuardsNoNetworks: a client with an old time stamp, or a pass, keeps
// no more than three networks from being banned with it.
func TestFloodGuardsNoNetworks(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "")))
	stamp := stampOf(t, "loewen", time.Hour)
	for n := range 8 {
		pester(t, edge.From(fmt.Sprintf("127.16.%d.1", n)), e.URL, stamp)
	}
	kit.Eventually(t, time.Second, "five are banned", func() bool { return len(kit.BansOf(t, e).Bans) == 5 })
	if got := outcomeOf(t, e, ban.ByLimit, "protected"); got == 0 {
		t.Error("the stamp guarded nobody: this test proves nothing")
	}
}

// TestWhoIsNeverBanned: the list `allow`, a trusted proxy, and a partner's
// address, whatever comes from them. They are limited, and their neighbours
// banned.
func TestWhoIsNeverBanned(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, withProxy(kit.Global("secret "+kit.Secret+"\nnever_ban 127.17.0.0/30 127.17.1.1"), "127.17.2.1/32")+
		kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, `partner bank {
	from 127.17.3.1
	match path /payment/*
}`)))
	for _, c := range []struct{ spared, banned string }{
		{"127.17.0.1", "127.17.0.9"}, // in an allowed prefix, and beside it
		{"127.17.1.1", "127.17.1.2"},
		{"127.17.2.1", "127.17.2.2"}, // the proxy itself
		{"127.17.3.1", "127.17.3.2"}, // the partner, on a path that is not its
	} {
		pester(t, edge.From(c.spared), e.URL)
		pester(t, edge.From(c.banned), e.URL)
		kit.Eventually(t, time.Second, c.banned+" is banned", func() bool { return isBanned(t, e, c.banned) })
		if isBanned(t, e, c.spared) {
			t.Errorf("%s is banned", c.spared)
		}
		if got := open(t, c.spared, e.URL); got.Status != 429 {
			t.Errorf("%s is not limited either: %d", c.spared, got.Status)
		}
	}
	if got := outcomeOf(t, e, ban.ByLimit, "never_ban"); got != 4 {
		t.Errorf("%d were spared, want 4", got)
	}
	if got := open(t, "127.17.3.1", e.URL+"/payment/callback"); got.Status != 200 {
		t.Errorf("the partner's callback: %d", got.Status)
	}
}

// withProxy has the edge trust a proxy.
func withProxy(head, prefix string) string {
	return strings.Replace(head, "\tshield {", "\tservers {\n\t\ttrusted_proxies static "+prefix+"\n\t}\n\tshield {", 1)
}

func isBanned(t testing.TB, e *edge.Edge, client string) bool {
	t.Helper()
	for _, b := range kit.BansOf(t, e).Bans {
		if b.Client == client {
			return true
		}
	}
	return false
}

// TestClientBehindAProxy: his ban holds for requests to that shop, through the
// proxy, which goes on with everybody else over the same connections. The
// control: what a stranger claims bans nobody but himself.
func TestClientBehindAProxy(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, withProxy(kit.Global("secret "+kit.Secret), "127.18.0.1/32")+
		kit.Site("loewen.localhost:{$PORT}", strict("loewen", time.Minute, backend.Addr, ""))+
		kit.Site("sonnen.localhost:{$PORT}", strict("sonnen", time.Minute, backend.Addr, "")))
	loewen, sonnen := "Host: loewen.localhost", "Host: sonnen.localhost"
	victim, other := "X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 198.51.100.2"
	pester(t, edge.From("127.18.0.1"), e.URL, loewen, victim)
	kit.Eventually(t, time.Second, "the client is banned", func() bool { return isBanned(t, e, "198.51.100.1") })
	if b := kit.BansOf(t, e).Bans[0]; b.Shop != "loewen" || b.Pushed {
		t.Errorf("the ban is %+v, want one at this shop, and not passed down", b)
	}
	if got := open(t, "127.18.0.1", e.URL, loewen, victim); !isBan(got) {
		t.Errorf("the banned client: %d", got.Status)
	}
	for what, header := range map[string][]string{"another client": {loewen, other}, "the client at another shop": {sonnen, victim}} {
		if got := open(t, "127.18.0.1", e.URL, header...); got.Status != 200 {
			t.Errorf("%s through the same proxy: %d", what, got.Status)
		}
	}
	if hangsUp(t, e, "127.18.0.1", "X-Forwarded-For: 198.51.100.1") {
		t.Error("the edge ended the connection of the proxy")
	}
	pester(t, edge.From("127.18.1.1"), e.URL, loewen, "X-Forwarded-For: 198.51.100.9")
	kit.Eventually(t, time.Second, "the stranger is banned himself", func() bool { return isBanned(t, e, "127.18.1.1") })
	if isBanned(t, e, "198.51.100.9") {
		t.Error("a stranger has banned somebody else")
	}
}

// TestBansPerMinute: a shop has no more than its max_per_minute.
func TestBansPerMinute(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("bans on {\n\tmax_per_minute 2\n}")+kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "")))
	begin := time.Now()
	for n := range 5 {
		pester(t, edge.From(fmt.Sprintf("127.19.%d.1", n)), e.URL)
	}
	if time.Now().Minute() != begin.Minute() {
		t.Log("a minute ended in between: another two may be banned")
		return
	}
	kit.Eventually(t, time.Second, "two are banned", func() bool { return len(kit.BansOf(t, e).Bans) == 2 })
	if got := outcomeOf(t, e, ban.ByLimit, "capped"); got < 3 {
		t.Errorf("%d were capped, want the other 3", got)
	}
}

// TestGuardHoldsAtEveryEdge: a customer at one edge keeps its subnet from
// being banned at another one, at once and not only by what that edge knows.
func TestGuardHoldsAtEveryEdge(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	edges := banTier(t, 2, need.Redis(t).Addr, "", kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "")))
	open(t, "127.26.0.2", edges[0].URL, stampOf(t, "loewen", time.Hour))
	time.Sleep(300 * time.Millisecond) // until the store knows
	pester(t, edge.From("127.26.0.1"), edges[1].URL)
	pester(t, edge.From("127.26.1.1"), edges[1].URL) // the control
	kit.Eventually(t, time.Second, "the flood in the next network is banned", func() bool { return isBanned(t, edges[1], "127.26.1.1") })
	time.Sleep(2500 * time.Millisecond) // what the store does not answer counts as refused
	if isBanned(t, edges[1], "127.26.0.1") || len(kit.BansOf(t, edges[1]).Notes) == 0 {
		t.Errorf("the list is %+v, want a note and no ban of the customer's neighbour", kit.BansOf(t, edges[1]))
	}
	if got := outcomeOf(t, edges[1], ban.ByLimit, "protected") + outcomeOf(t, edges[1], ban.ByLimit, "refused"); got == 0 {
		t.Error("no outcome says why")
	}
}

// TestNobodyBansAProxy: people are told that an address is a trusted proxy's, and
// may ban its neighbour; what would drop its net in the kernel is not passed down.
func TestNobodyBansAProxy(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend, below := kit.NewBackend(t), newScrubber(t)
	e := edge.Start(t, withProxy(kit.Global("secret "+kit.Secret+"\nscrubd unix/"+below.path), "127.18.2.1/32")+
		kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "")))
	if said, err := kit.Shield(t, e, "ban", "127.18.2.1"); err == nil || !strings.Contains(said, "trusted proxy") {
		t.Errorf("banning the proxy: %v: %s", err, said)
	}
	for _, target := range []string{"127.18.2.2", "127.18.2.0/24", "127.18.3.0/24"} {
		if said, err := kit.Shield(t, e, "ban", target, "--force"); err != nil {
			t.Errorf("banning %s: %v: %s", target, err, said)
		}
	}
	passed := func(prefix string) bool {
		below.mu.Lock()
		defer below.mu.Unlock()
		_, ok := below.bans[netip.MustParsePrefix(prefix)]
		return ok
	}
	kit.Eventually(t, 5*time.Second, "the neighbours are passed down", func() bool { return passed("127.18.2.2/32") && passed("127.18.3.0/24") })
	if passed("127.18.2.0/24") {
		t.Error("the scrubber is told to drop the proxy's net")
	}
}
