package shield

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/banindex"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// testApp is an app with a runtime and no Caddy around it.
func testApp(t testing.TB, allow ...string) *App {
	t.Helper()
	first, err := secret.Parse(strings.Repeat("s", netkey.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	store := counters.NewMemory(1 << 20)
	t.Cleanup(func() { _ = store.Close() })
	rt := &runtime{store: store, bans: banindex.New()}
	rt.secrets.Store(first)
	rt.scrubber = rt.newScrubber()
	rt.scrubber.Use("unix//nowhere", none)
	a := &App{runtime: rt, Bans: &Bans{Mode: On, MaxPerMinute: defaultMaxPerMinute}, shops: map[shop.ID]*Shop{}}
	rt.owner.Store(a)
	store.ListenBans(rt.banChanged)
	for _, text := range allow {
		a.NeverBan = append(a.NeverBan, netip.MustParsePrefix(text))
	}
	a.exempt.Store(a.exemptFixed())
	return a
}

// banFor bans an address or prefix as another edge would.
func (a *App) banFor(t testing.TB, prefix string, at shop.ID) {
	t.Helper()
	now := time.Now()
	err := a.runtime.store.Ban(counters.BanRequest{Ban: ban.Ban{
		Key: a.Hasher().Ban(netip.MustParsePrefix(prefix)), Shop: at, Cause: ban.Manual, Told: now, Until: now.Add(time.Hour),
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIsBanned: which connections are refused, and what the scrubber is sent.
func TestIsBanned(t *testing.T) {
	a := testApp(t, "192.0.2.9/32", "2001:db8:1:1::9/128")
	for _, prefix := range []string{"192.0.2.1/32", "192.0.2.9/32", "198.51.100.0/24", "2001:db8::/64", "2001:db8:1::/48"} {
		a.banFor(t, prefix, "")
	}
	a.banFor(t, "203.0.113.1/32", "loewen")
	for peer, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "::ffff:192.0.2.1": true,
		"192.0.2.9":    false, // never_ban wins
		"198.51.100.7": true, "198.51.101.7": false,
		"2001:db8::1": true, "2001:db8::ffff:1": true, "2001:db8:0:1::1": false,
		"2001:db8:1:ffff::1": true, "2001:db8:1:1::9": false, "2001:db8:1:1::a": true,
		"203.0.113.1": false, // banned at one shop, which is not known before TLS
	} {
		if got := a.IsBanned(netip.MustParseAddr(peer), time.Now()); got != want {
			t.Errorf("%s is refused: %v, want %v", peer, got, want)
		}
	}
	for prefix, want := range map[string]bool{
		"192.0.2.1/32": true, "198.51.100.0/24": true, "2001:db8::/64": true, "203.0.113.1/32": false,
		"192.0.2.9/32": false, "2001:db8:1::/48": false, // an allowed address is in it
	} {
		if _, got := a.runtime.scrubber.Find(netip.MustParsePrefix(prefix)); got != want {
			t.Errorf("the scrubber is told of %s: %v, want %v", prefix, got, want)
		}
	}
	if a.IsBanned(netip.MustParseAddr("192.0.2.1"), time.Now().Add(2*time.Hour)) {
		t.Error("a ban does not end")
	}
	for _, mode := range []Mode{Shadow, Off} {
		a.Bans.Mode = mode
		if a.IsBanned(netip.MustParseAddr("192.0.2.1"), time.Now()) {
			t.Errorf("bans %s refuse a client", mode)
		}
	}
}

// TestIsBannedAllocatesNothing, neither for strangers nor for clients that are
// banned.
func TestIsBannedAllocatesNothing(t *testing.T) {
	a, now := testApp(t), time.Now()
	a.banFor(t, "192.0.2.1/32", "")
	for _, text := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
		peer := netip.MustParseAddr(text)
		a.IsBanned(peer, now)
		if n := testing.AllocsPerRun(100, func() { a.IsBanned(peer, now) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func BenchmarkIsBanned(b *testing.B) {
	peer, now := netip.MustParseAddr("192.0.2.200"), time.Now()
	for _, c := range []struct {
		name string
		bans int
	}{{"nobody_banned", 0}, {"others_banned", 10000}} {
		b.Run(c.name, func(b *testing.B) {
			a := testApp(b)
			for n := range c.bans {
				a.banFor(b, source(n).String(), "")
			}
			b.ReportAllocs()
			for b.Loop() {
				if a.IsBanned(peer, now) {
					b.Fatal("refused")
				}
			}
		})
	}
	b.Run("banned", func(b *testing.B) {
		a := testApp(b)
		a.banFor(b, "192.0.2.200/32", "")
		b.ReportAllocs()
		for b.Loop() {
			if !a.IsBanned(peer, now) {
				b.Fatal("let in")
			}
		}
	})
}
