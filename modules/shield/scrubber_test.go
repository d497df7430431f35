package shield

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// TestLiftedIsNotRenewed: people lift a ban between the scrubber's answer and what
// comes of it.
func TestLiftedIsNotRenewed(t *testing.T) {
	for _, lifted := range []bool{false, true} {
		a, now := guarded(t), time.Now()
		ban := ban.Ban{Key: a.house.hasher.Ban(source(0)), Cause: ban.ByLimit, Told: now, Until: now.Add(time.Minute)}
		if err := a.house.store.Ban(counters.BanRequest{Ban: ban, PerMinute: 1}); err != nil {
			t.Fatal(err)
		}
		if lifted {
			a.unban(source(0), now)
		}
		a.house.renew(source(0), ban, time.Now())
		_, holds := a.house.store.Banned(ban.Key, "", now.Add(90*time.Second))
		if holds == lifted {
			t.Errorf("lifted %v: banned %v", lifted, holds)
		}
	}
}

// TestSlowSenderIsBanned: somebody's request may take longer than the penalty
// that it brings.
func TestSlowSenderIsBanned(t *testing.T) {
	a := guarded(t)
	store := counters.NewMemory(1 << 20) // to which nobody listens: no events
	t.Cleanup(func() { _ = store.Close() })
	a.house.store, a.log = store, zap.NewNop()
	v := &shop.Visit{Shop: "loewen", Start: time.Now().Add(-10 * time.Minute)}
	a.Ban(request("192.0.2.1", "192.0.2.1", false), v, ban.ByWAF, "attacks", time.Minute)
	if _, holds := store.Banned(a.house.hasher.Ban(clientOf(netip.MustParseAddr("192.0.2.1"))), "", time.Now().Add(50*time.Second)); !holds {
		t.Error("nobody is banned")
	}
}

// source is the nth address of an attack.
func source(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 32)
}

// nobody is banned.
func nobody() map[netip.Prefix]ban.Ban { return nil }

// TestLiftedDuringAReload: a new configuration counts the bans in force while
// people lift one and another edge makes one.
func TestLiftedDuringAReload(t *testing.T) {
	a, now := guarded(t), time.Now()
	for n := range 2 {
		b := ban.Ban{Key: a.house.hasher.Ban(source(n)), Cause: ban.ByLimit, Told: now, Until: now.Add(time.Minute)}
		a.house.book.expect(b.Key, source(n))
		if n == 0 {
			a.house.heard(ban.Event{Ban: b})
			continue
		}
		meanwhile := make(chan struct{})
		a.house.scrubber.Use("unix//nowhere", func() map[netip.Prefix]ban.Ban {
			counted := a.mayPassNow()
			go func() {
				defer close(meanwhile)
				a.house.heard(ban.Event{Ban: ban.Ban{Key: a.house.hasher.Ban(source(0)), Told: now, Until: now.Add(time.Minute)}, Kind: ban.Lifted})
				a.house.heard(ban.Event{Ban: b})
			}()
			select {
			case <-meanwhile:
			case <-time.After(50 * time.Millisecond):
			}
			return counted
		})
		<-meanwhile
	}
	if _, dropped := a.house.scrubber.Find(source(0)); dropped {
		t.Error("who was let in again is dropped by the scrubber")
	}
	if _, dropped := a.house.scrubber.Find(source(1)); !dropped {
		t.Error("the scrubber has forgotten who was banned")
	}
}

// TestLiftedWhileItIsMet: people lift the ban of somebody who comes at that
// moment.
func TestLiftedWhileItIsMet(t *testing.T) {
	a := guarded(t)
	for n := range 3000 {
		prefix := source(n)
		a.banFor(t, prefix.String(), "")
		var work sync.WaitGroup
		work.Go(func() { a.Refuses(prefix.Addr(), time.Now()) })
		work.Go(func() { a.unban(prefix, time.Now()) })
		work.Wait()
		if _, dropped := a.house.scrubber.Find(prefix); dropped {
			t.Fatalf("after %d others, who was let in again is dropped by the scrubber", n)
		}
	}
}
