package shield

import (
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
)

// TestAnotherScrubber: from a reload on that names another one, that is told, and
// the one before no more, though both are there.
func TestAnotherScrubber(t *testing.T) {
	dir := t.TempDir()
	first, second := listen(t, filepath.Join(dir, "first"), "a"), listen(t, filepath.Join(dir, "second"), "b")
	b, _ := talking(t, first.address)
	b.pass(source(0), lasting(time.Minute))
	eventually(t, "the first is told", func() bool { all, _ := first.count(source(0)); return all == 1 })
	b.use(second.address, nobody)
	b.pass(source(1), lasting(time.Minute))
	eventually(t, "the verdict arrives", func() bool {
		one, _ := first.count(source(1))
		two, _ := second.count(source(1))
		return one+two > 1
	})
	if _, times := first.count(source(1)); times > 0 {
		t.Error("the one before is told")
	}
}

// TestRefusedIsTriedAgain: a scrubber's caps are by the minute.
func TestRefusedIsTriedAgain(t *testing.T) {
	b := newBelow(nil, func(Below) {})
	b.use("unix//nowhere", nobody)
	b.pass(source(0), lasting(time.Hour))
	b.pass(source(1), lasting(time.Hour))
	batch, _, _ := b.batch(time.Now())
	b.judged(batch, wire.Judgement{Boot: "a", Refused: []wire.Refused{{Prefix: source(0), Why: "more than 600/m of this shop"}}}, time.Now())
	b.judged(nil, wire.Judgement{Boot: "a"}, time.Now().Add(tryAgain+time.Second))
	again, _, _ := b.batch(time.Now())
	if len(again) != 1 || again[0].Prefix != source(0) {
		t.Errorf("after a minute %v is passed again, want %s alone", again, source(0))
	}
}

// TestLiftedIsBounded: bans come and go for as long as no scrubber is there.
func TestLiftedIsBounded(t *testing.T) {
	b := newBelow(nil, func(Below) {})
	b.use("unix//nowhere", nobody)
	for n := range maxVerdicts + 100 {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
		b.pass(prefix, lasting(time.Minute))
		b.lift(prefix, ban.Ban{})
	}
	if got := b.report(); got.Due > maxVerdicts || got.Dropped != 100 {
		t.Errorf("%d are due, %d were dropped", got.Due, got.Dropped)
	}
}

// TestForgedPacketsKeepNobodyOutForGood: what the scrubber drops can come from
// anybody.
func TestForgedPacketsKeepNobodyOutForGood(t *testing.T) {
	now := time.Now()
	var b *below
	renewals := 0
	b = newBelow(func(prefix netip.Prefix, ban ban.Ban, now time.Time) { // as the store does
		ban.Told, ban.Until = now, now.Add(min(2*ban.Until.Sub(ban.Told), longest))
		b.pass(prefix, ban)
		renewals++
	}, func(Below) {})
	b.use("unix//nowhere", nobody)
	b.pass(source(0), lasting(time.Minute))
	for at := now; ; at = at.Add(time.Second) {
		if !b.dropped()[source(0)].ban.Until.After(at) {
			if renewals < 5 {
				t.Errorf("a flood that goes on is let in after %s", at.Sub(now))
			}
			return
		}
		if at.Sub(now) > 4*longest {
			t.Fatalf("it is banned until %s, renewed %d times", b.dropped()[source(0)].ban.Until, renewals)
		}
		b.judged(nil, wire.Judgement{Boot: "a", Hits: []wire.Hit{{Prefix: source(0), Packets: 1000}}}, at)
	}
}

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
		a.house.below.use("unix//nowhere", func() map[netip.Prefix]ban.Ban {
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
	passed := a.house.below.dropped()
	if _, dropped := passed[source(0)]; dropped {
		t.Error("who was let in again is dropped by the scrubber")
	}
	if _, dropped := passed[source(1)]; !dropped {
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
		if _, dropped := a.house.below.dropped()[prefix]; dropped {
			t.Fatalf("after %d others, who was let in again is dropped by the scrubber", n)
		}
	}
}
