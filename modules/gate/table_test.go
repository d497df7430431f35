package gate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// TestKeysByScope: which addresses share a client, and which a subnet.
func TestKeysByScope(t *testing.T) {
	g := newGate(t, func(*Gate) {})
	one, other := &listenerStats{id: 1}, &listenerStats{id: 2}
	keys := func(addr string, at *listenerStats) [scopes]netkey.Key {
		return g.state.keysOf(netip.MustParseAddr(addr), at)
	}
	for _, c := range []struct {
		a, b        string
		client, net bool // the same
	}{
		{"192.0.2.1", "192.0.2.1", true, true},
		{"192.0.2.1", "192.0.2.2", false, true},
		{"192.0.2.1", "192.0.3.1", false, false},
		{"2001:db8::1", "2001:db8::2", true, true},
		{"2001:db8::1", "2001:db8:0:1::1", false, true},
		{"2001:db8::1", "2001:db8:1::1", false, false},
		{"192.0.2.1", "::c000:201", false, false},
	} {
		a, b := keys(c.a, one), keys(c.b, one)
		if a[0] == b[0] != c.client || a[1] == b[1] != c.net {
			t.Errorf("%s and %s: one client %t, one net %t; want %t and %t", c.a, c.b, a[0] == b[0], a[1] == b[1], c.client, c.net)
		}
	}
	if a, b := keys("192.0.2.1", one), keys("192.0.2.1", other); a[0] == b[0] || a[1] == b[1] || a[0] == a[1] {
		t.Error("listeners, or scopes, share a count")
	}
}

// TestTableIsExact compares the table with a plain count, while many come and
// go at the same time; at the end it is empty.
func TestTableIsExact(t *testing.T) {
	var table table
	table.init()
	r := limits{{connections: 10, unfinished: 4}, {connections: 25, unfinished: 9}}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			var slots []slot
			var done []bool
			for range 20000 {
				keys := [scopes]netkey.Key{{byte(random.IntN(5)), 1}, {byte(random.IntN(2)), 2}}
				if s, o := table.enter(&keys, &r, random.IntN(20) == 0); o == accepted || s.counted[0] {
					slots, done = append(slots, s), append(done, false)
				}
				if len(slots) == 0 {
					continue
				}
				if i := random.IntN(len(slots)); random.IntN(2) == 0 && !done[i] {
					table.finish(&slots[i])
					done[i] = true
				} else if random.IntN(2) == 0 {
					table.leave(&slots[i], !done[i])
					slots[i], done[i] = slots[len(slots)-1], done[len(slots)-1]
					slots, done = slots[:len(slots)-1], done[:len(slots)-1]
				}
			}
			for i := range slots {
				table.leave(&slots[i], !done[i])
			}
		})
	}
	all.Wait()
	if n := table.len(); n != 0 {
		t.Errorf("%d prefixes are left", n)
	}
}

// TestFullTableAccepts: a connection that does not fit is accepted and not counted, and
// does not lower another count when it closes.
func TestFullTableAccepts(t *testing.T) {
	var table table
	table.init()
	r := limits{{connections: 1, unfinished: 1}, {connections: 1 << 20, unfinished: 1 << 20}}
	slots := make([]slot, 0, shardSize+100)
	for i := range shardSize + 100 {
		s, o := table.enter(&[scopes]netkey.Key{{byte(i), byte(i >> 8), 1}, {15: 1}}, &r, false)
		if o != accepted {
			t.Fatalf("place %d: %s", i, o)
		}
		slots = append(slots, s)
	}
	if _, o := table.enter(&[scopes]netkey.Key{{0, 0, 1}, {15: 1}}, &r, false); o != connections {
		t.Errorf("one more of a place that is full: %s", o)
	}
	if got := table.untracked.Load(); got != 100 {
		t.Errorf("%d untracked, want 100", got)
	}
	for i := range slots {
		table.leave(&slots[i], true)
	}
	if n := table.len(); n != 0 {
		t.Errorf("%d prefixes are left", n)
	}
}

func TestSeenCIDs(t *testing.T) {
	var b seenCIDs
	now := time.Unix(1_800_000_000, 0)
	const mark = 0xfedcba9876543210
	if b.has(mark, now) || b.has(0, now) {
		t.Error("knows what never came")
	}
	b.add(mark, now)
	for after, want := range map[time.Duration]bool{0: true, seenFor * time.Second: true, (seenFor + 1) * time.Second: false, -time.Second: false} {
		if got := b.has(mark, now.Add(after)); got != want {
			t.Errorf("after %s: %t, want %t", after, got, want)
		}
	}
	if b.has(mark^1<<60, now) {
		t.Error("takes another for it")
	}
}

func TestOrderOfWrappers(t *testing.T) {
	for names, good := range map[string]bool{
		"":                             true, // outside of a server
		"shop_gate tls":                true,
		"shop_gate proxy_protocol tls": true,
		"shop_gate":                    false,
		"tls shop_gate":                false,
		"proxy_protocol shop_gate tls": false,
		"shop_gate shop_gate tls":      false,
	} {
		var raw []json.RawMessage
		for name := range strings.FieldsSeq(names) {
			raw = append(raw, json.RawMessage(fmt.Sprintf(`{"wrapper":%q}`, name)))
		}
		if err := checkOrder(raw); (err == nil) != good {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// TestProxiesAreRemembered for a while. Which proxies a server trusts is up to Caddy; a
// test with a whole edge covers that.
func TestProxiesAreRemembered(t *testing.T) {
	now, proxy, stranger := time.Unix(1_800_000_000, 0), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("198.51.100.7")
	p := proxies{server: new(caddyhttp.Server)}
	if p.known(proxy, now) || p.trusts(proxy, now) || p.known(proxy, now) || new(proxies).trusts(proxy, now) {
		t.Error("trusts an address that no server trusts")
	}
	p.cache[slotOf(proxy)%uint32(len(p.cache))].Store(&trust{peer: proxy, trusted: true, until: now.Add(trustFor)})
	if !p.known(proxy, now) || !p.trusts(proxy, now) || p.known(stranger, now) {
		t.Error("does not know a proxy, or knows a stranger")
	}
	if later := now.Add(trustFor); p.known(proxy, later) || p.trusts(proxy, later) {
		t.Error("believes for longer than it should")
	}
}

// TestRefusingAllocatesNothing of what the gate does itself.
func TestRefusingAllocatesNothing(t *testing.T) {
	g := newGate(t, func(g *Gate) { g.bans("192.0.2.1"); g.Client.Pace = Pace{Rate: perSecond(1).Rate, Burst: 1} })
	peer, now, p := netip.MustParseAddr("192.0.2.2"), time.Now(), &listenerStats{id: 1}
	if n := testing.AllocsPerRun(1000, func() {
		g.exempt(peer, now)
		g.banOf(peer, now)
		keys := g.state.keysOf(peer, p)
		g.takeRate(&keys, now)
		s, _ := g.state.table.enter(&keys, &g.limits, false)
		g.state.table.leave(&s, true)
		g.proxies.trusts(peer, now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecision(b *testing.B) {
	g := newGate(b, func(*Gate) {})
	p, now := &listenerStats{id: 1}, time.Now()
	peers := make([]netip.Addr, 1<<16)
	for i := range peers {
		peers[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	i := 0
	for b.Loop() {
		peer := peers[i%len(peers)]
		i++
		g.exempt(peer, now)
		g.banOf(peer, now)
		keys := g.state.keysOf(peer, p)
		g.takeRate(&keys, now)
		s, _ := g.state.table.enter(&keys, &g.limits, false)
		g.state.table.leave(&s, true)
	}
}
