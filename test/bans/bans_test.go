package bans

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestIgnoringRefusalsIsBannedEverywhere: a client that ignores 429 at one edge is refused
// by all of them within a second, at every shop, with a bare answer and the end
// of his connection; nobody else is, and when it is over he is let in again. The
// control: with bans off the other edges do not know him.
func TestIgnoringRefusalsIsBannedEverywhere(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	backend := kit.NewBackend(t)
	for mode, banned := range map[string]bool{"on": true, "off": false, "shadow": false} {
		t.Run("bans "+mode, func(t *testing.T) {
			edges := banTier(t, 3, need.Redis(t).Addr, "bans "+mode,
				kit.Site("loewen.localhost:{$PORT}", strict("loewen", 4*time.Second, backend.Addr, ""))+
					kit.Site("sonnen.localhost:{$PORT}", strict("sonnen", 4*time.Second, backend.Addr, "")))
			loewen, sonnen := "Host: loewen.localhost", "Host: sonnen.localhost"
			pester(t, edge.From("127.9.0.1"), edges[0].URL, loewen)
			begin := time.Now()
			if !banned {
				time.Sleep(1500 * time.Millisecond) // what was spent is there again
				for i, e := range edges[1:] {
					if got := open(t, "127.9.0.1", e.URL, loewen); got.Status != http.StatusOK {
						t.Errorf("edge %d: status %d", i+2, got.Status)
					}
				}
				if mode == "shadow" && outcomeOf(t, edges[0], ban.ByLimit, "shadow") == 0 {
					t.Error("nobody would have been banned: this test proves nothing")
				}
				return
			}
			for i, e := range edges {
				kit.Eventually(t, time.Second, "the edge refuses him", func() bool { return len(kit.BansOf(t, e).Bans) == 1 })
				for _, host := range []string{loewen, sonnen} {
					if got := open(t, "127.9.0.1", e.URL, host); !isBan(got) {
						t.Errorf("edge %d, %s: %d %v %q", i+1, host, got.Status, got.Header, got.Body)
					}
				}
				for _, other := range []string{"127.9.0.2", "127.10.0.1"} {
					if got := open(t, other, e.URL, loewen); got.Status != http.StatusOK {
						t.Errorf("edge %d: somebody else at %s: status %d", i+1, other, got.Status)
					}
				}
				if !hangsUp(t, e, "127.9.0.1") {
					t.Errorf("edge %d keeps his connection", i+1)
				}
				if refusedByBan(t, e) == 0 {
					t.Errorf("edge %d counts no request that a ban refused", i+1)
				}
			}
			t.Logf("all three refused him %s after his penalty began", time.Since(begin).Round(time.Millisecond))
			if got := outcomeOf(t, edges[0], ban.ByLimit, "banned"); got != 1 {
				t.Errorf("banned %d times, want once", got)
			}
			if log := edges[0].Log(); !strings.Contains(log, `"outcome":"banned"`) || strings.Contains(log, "127.9.0.1") {
				t.Error("the log must tell of the ban, and of no address")
			}
			kit.Eventually(t, 6*time.Second, "he is let in again", func() bool {
				return open(t, "127.9.0.1", edges[1].URL, loewen).Status == http.StatusOK
			})
			if took := time.Since(begin); took < 3*time.Second {
				t.Errorf("the ban ended after %s", took)
			}
		})
	}
}

// TestBansSurvive: a reload and the loss of Redis keep what is banned, and a client that is
// banned while Redis is lost is refused here, and by the others when it is back.
func TestBansSurvive(t *testing.T) {
	need.Loopback(t)
	need.Time(t)
	backend, redis := kit.NewBackend(t), need.Redis(t)
	page := func(name string) string {
		return kit.Site(kit.AnyHost, strict("loewen", time.Minute, backend.Addr, "name "+name))
	}
	edges := banTier(t, 2, redis.Addr, "", page("A"))
	pester(t, edge.From("127.9.0.1"), edges[0].URL)
	refused := func(from string, e *edge.Edge) bool { return isBan(open(t, from, e.URL)) }
	kit.Eventually(t, time.Second, "both refuse him", func() bool { return refused("127.9.0.1", edges[0]) && refused("127.9.0.1", edges[1]) })
	for i, e := range edges {
		e.Reload(t, kit.Global("node edge-"+string(rune('1'+i))+"\nsecret "+kit.Secret+"\nredis redis://"+redis.Addr)+page("B"))
		time.Sleep(100 * time.Millisecond) // until the old servers listen no more
		if !refused("127.9.0.1", e) {
			t.Errorf("edge %d has forgotten him over a reload", i+1)
		}
	}
	redis.Kill()
	pester(t, edge.From("127.11.0.1"), edges[0].URL)
	kit.Eventually(t, 5*time.Second, "the edges have given up", func() bool { return !kit.StatusOf(t, edges[0]).Store.Shared && !kit.StatusOf(t, edges[1]).Store.Shared })
	kit.Eventually(t, 2*time.Second, "a new one is refused here", func() bool { return refused("127.11.0.1", edges[0]) })
	for i, e := range edges {
		if !refused("127.9.0.1", e) {
			t.Errorf("edge %d has forgotten him with Redis", i+1)
		}
		if got := open(t, "127.12.0.1", e.URL); got.Status != http.StatusOK {
			t.Errorf("edge %d refuses somebody else: %d", i+1, got.Status)
		}
	}
	redis.RestartEmpty()
	kit.Eventually(t, 10*time.Second, "the other edge refuses the new one, too", func() bool { return refused("127.11.0.1", edges[1]) })
	if !refused("127.9.0.1", edges[1]) {
		t.Error("an empty Redis has made the edge forget him")
	}
}

// TestBanHurtsNobodyElse: while a client is banned a prescription goes on, an
// order and a callback come through, and a partner at the banned address is
// served.
func TestBanHurtsNobodyElse(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	s, addr := kit.OpenShop(t, demoshop.Loewen())
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, strict("loewen", time.Minute, addr, `partner erp {
	header X-Api-Key `+kit.PartnerSecret+`
}`)))
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
	pester(t, edge.From("127.9.0.1"), e.URL)
	kit.Eventually(t, time.Second, "he is refused", func() bool { return isBan(open(t, "127.9.0.1", e.URL)) })
	if err := kit.Say(ctx, conn, 2); err != nil {
		t.Errorf("the prescription broke: %v", err)
	}
	if got := open(t, "127.9.0.1", e.URL+"/api/orders", "X-Api-Key: "+kit.PartnerSecret); got.Status == http.StatusTooManyRequests {
		t.Error("the partner at the banned address is refused")
	}
	if got := open(t, "127.13.0.1", e.URL+"/payment/callback"); got.Status == http.StatusTooManyRequests {
		t.Error("a callback is refused")
	}
	if got := open(t, "127.13.0.2", e.URL+"/checkout"); got.Status != http.StatusOK && got.Status != http.StatusSeeOther {
		t.Errorf("a customer's order: status %d", got.Status)
	}
	if s.Truth().Requests == 0 {
		t.Error("nothing reached the shop")
	}
}

// TestAttackersAreBanned: repeated attacks and junk solutions, each under its own
// cause; a customer that was refused once is not.
func TestAttackersAreBanned(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("secret "+kit.Secret)+kit.Site(kit.AnyHost, `shield loewen {
	limit attacks {
		rate 3/h
		burst 3
		penalty 3 1m
	}
}
shop_backend `+backend.Addr))
	attack := e.URL + "/search?q=%3Cscript%3Ealert(1)%3C/script%3E"
	if got := open(t, "127.14.0.9", attack); got.Status != http.StatusForbidden {
		t.Fatalf("an attack: status %d", got.Status)
	}
	for range 12 {
		open(t, "127.14.0.1", attack)
	}
	junk := func(from string, times int) {
		client := edge.From(from)
		for range times {
			kit.Send(t, client, http.MethodPost, e.URL+"/.theriac/challenge", "junk.junk.1", "User-Agent: "+kit.UserAgent, "Accept: */*")
		}
	}
	junk("127.15.0.9", 3)
	junk("127.15.0.1", 30)
	for _, c := range []struct {
		from  string
		cause ban.Cause
		rule  string
	}{
		{"127.14.0.1", ban.ByWAF, "attacks"},
		{"127.15.0.1", ban.ByChallenge, "junk"},
	} {
		kit.Eventually(t, time.Second, c.from+" is refused", func() bool { return isBan(open(t, c.from, e.URL)) })
		found := false
		for _, b := range kit.BansOf(t, e).Bans {
			found = found || b.Client == c.from && b.Cause == c.cause && b.Rule == c.rule
		}
		if !found {
			t.Errorf("%s: no ban by %s, rule %s, in %+v", c.from, c.cause, c.rule, kit.BansOf(t, e))
		}
	}
	for _, from := range []string{"127.14.0.9", "127.15.0.9"} {
		if got := open(t, from, e.URL); got.Status != http.StatusOK {
			t.Errorf("%s, after a few of them: status %d", from, got.Status)
		}
	}
}

// explained is what `theriac shield explain` says as JSON.
func explained(t testing.TB, e *edge.Edge, address string) string {
	t.Helper()
	said, err := edge.Run(t, "shield", "explain", address, "--address", e.Admin, "--json")
	if err != nil || !json.Valid([]byte(said)) {
		t.Fatalf("explain %s: %v: %s", address, err, said)
	}
	return said
}
