package shield

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// TestLiftedIsNotRenewed: an operator lifts a ban between the scrubber's answer and what
// comes of it.
func TestLiftedIsNotRenewed(t *testing.T) {
	for _, lifted := range []bool{false, true} {
		a, now := testApp(t), time.Now()
		ban := ban.Ban{Key: a.Hasher().Ban(source(0)), Cause: ban.ByLimit, Told: now, Until: now.Add(time.Minute)}
		if err := a.runtime.store.Ban(counters.BanRequest{Ban: ban, PerMinute: 1}); err != nil {
			t.Fatal(err)
		}
		if lifted {
			a.Unban(source(0), now)
		}
		a.runtime.renew(source(0), ban, time.Now())
		_, holds := a.runtime.store.Banned(ban.Key, "", now.Add(90*time.Second))
		if holds == lifted {
			t.Errorf("lifted %v: banned %v", lifted, holds)
		}
	}
}

// TestSlowSenderIsBanned: a request may take longer than the penalty that it
// brings.
func TestSlowSenderIsBanned(t *testing.T) {
	a := testApp(t)
	store := counters.NewMemory(1 << 20) // without listeners: no events
	t.Cleanup(func() { _ = store.Close() })
	a.runtime.store, a.log = store, zap.NewNop()
	v := &shop.Visit{Shop: "loewen", Start: time.Now().Add(-10 * time.Minute)}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.1:1234"
	vars := map[string]any{caddyhttp.ClientIPVarKey: "192.0.2.1"}
	a.Ban(r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, vars)), v, ban.ByWAF, "attacks", time.Minute)
	if _, holds := store.Banned(a.Hasher().Ban(clientip.Prefix(netip.MustParseAddr("192.0.2.1"))), "", time.Now().Add(50*time.Second)); !holds {
		t.Error("the client is not banned")
	}
}

// source is the nth address of an attack.
func source(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 32)
}

// none is the set of bans of an edge that has not banned anybody.
func none() map[netip.Prefix]ban.Ban { return nil }

// TestLiftedDuringAReload: a new configuration counts the bans in force while
// an operator lifts one and another edge makes one.
func TestLiftedDuringAReload(t *testing.T) {
	a, now := testApp(t), time.Now()
	for n := range 2 {
		b := ban.Ban{Key: a.Hasher().Ban(source(n)), Cause: ban.ByLimit, Told: now, Until: now.Add(time.Minute)}
		a.runtime.bans.Expect(b.Key, source(n))
		if n == 0 {
			a.runtime.banChanged(ban.Event{Ban: b})
			continue
		}
		meanwhile := make(chan struct{})
		a.runtime.scrubber.Use("unix//nowhere", func() map[netip.Prefix]ban.Ban {
			counted := a.mayPushNow()
			go func() {
				defer close(meanwhile)
				a.runtime.banChanged(ban.Event{Ban: ban.Ban{Key: a.Hasher().Ban(source(0)), Told: now, Until: now.Add(time.Minute)}, Kind: ban.Lifted})
				a.runtime.banChanged(ban.Event{Ban: b})
			}()
			select {
			case <-meanwhile:
			case <-time.After(50 * time.Millisecond):
			}
			return counted
		})
		<-meanwhile
	}
	if _, dropped := a.runtime.scrubber.Find(source(0)); dropped {
		t.Error("the scrubber drops an unbanned client")
	}
	if _, dropped := a.runtime.scrubber.Find(source(1)); !dropped {
		t.Error("the scrubber has forgotten a ban")
	}
}

// TestLiftedWhileItIsMet: an operator lifts the ban of a client that comes at that
// moment.
func TestLiftedWhileItIsMet(t *testing.T) {
	a := testApp(t)
	for n := range 3000 {
		prefix := source(n)
		a.banFor(t, prefix.String(), "")
		var work sync.WaitGroup
		work.Go(func() { a.IsBanned(prefix.Addr(), time.Now()) })
		work.Go(func() { a.Unban(prefix, time.Now()) })
		work.Wait()
		if _, dropped := a.runtime.scrubber.Find(prefix); dropped {
			t.Fatalf("after %d others, the scrubber drops an unbanned client", n)
		}
	}
}
