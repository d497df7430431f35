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

// TestPlaces: who shares a place with whom.
func TestPlaces(t *testing.T) {
	g := newGate(t, func(*Gate) {})
	one, other := &post{id: 1}, &post{id: 2}
	keys := func(addr string, at *post) [places]netkey.Key { return g.hall.keysOf(netip.MustParseAddr(addr), at) }
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
		t.Error("listeners, or places, share a count")
	}
}

// TestTableIsExact compares the table with a plain count, while many come and
// go at the same time; at the end it is empty.
func TestTableIsExact(t *testing.T) {
	var table table
	table.make()
	r := rooms{{connections: 10, unfinished: 4}, {connections: 25, unfinished: 9}}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			var seats []seat
			var done []bool
			for range 20000 {
				keys := [places]netkey.Key{{byte(random.IntN(5)), 1}, {byte(random.IntN(2)), 2}}
				if s, o := table.enter(&keys, &r, random.IntN(20) == 0); o == accepted || s.counted[0] {
					seats, done = append(seats, s), append(done, false)
				}
				if len(seats) == 0 {
					continue
				}
				if i := random.IntN(len(seats)); random.IntN(2) == 0 && !done[i] {
					table.finish(&seats[i])
					done[i] = true
				} else if random.IntN(2) == 0 {
					table.leave(&seats[i], !done[i])
					seats[i], done[i] = seats[len(seats)-1], done[len(seats)-1]
					seats, done = seats[:len(seats)-1], done[:len(seats)-1]
				}
			}
			for i := range seats {
				table.leave(&seats[i], !done[i])
			}
		})
	}
	all.Wait()
	if n := table.len(); n != 0 {
		t.Errorf("%d places are left", n)
	}
}

// TestFullTableLetsPass: what has no place in it is let in and not counted, and
// takes nobody else's count away when it leaves.
func TestFullTableLetsPass(t *testing.T) {
	var table table
	table.make()
	r := rooms{{connections: 1, unfinished: 1}, {connections: 1 << 20, unfinished: 1 << 20}}
	seats := make([]seat, 0, shardRoom+100)
	for i := range shardRoom + 100 {
		s, o := table.enter(&[places]netkey.Key{{byte(i), byte(i >> 8), 1}, {15: 1}}, &r, false)
		if o != accepted {
			t.Fatalf("place %d: %s", i, o)
		}
		seats = append(seats, s)
	}
	if _, o := table.enter(&[places]netkey.Key{{0, 0, 1}, {15: 1}}, &r, false); o != connections {
		t.Errorf("one more of a place that is full: %s", o)
	}
	if got := table.uncounted.Load(); got != 100 {
		t.Errorf("%d uncounted, want 100", got)
	}
	for i := range seats {
		table.leave(&seats[i], true)
	}
	if n := table.len(); n != 0 {
		t.Errorf("%d places are left", n)
	}
}

func TestBegun(t *testing.T) {
	var b begun
	now := time.Unix(1_800_000_000, 0)
	const mark = 0xfedcba9876543210
	if b.has(mark, now) || b.has(0, now) {
		t.Error("knows what never came")
	}
	b.add(mark, now)
	for after, want := range map[time.Duration]bool{0: true, begunFor * time.Second: true, (begunFor + 1) * time.Second: false, -time.Second: false} {
		if got := b.has(mark, now.Add(after)); got != want {
			t.Errorf("after %s: %t, want %t", after, got, want)
		}
	}
	if b.has(mark^1<<60, now) {
		t.Error("takes another for it")
	}
}

func TestPlaceAmongWrappers(t *testing.T) {
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
		if err := checkPlace(raw); (err == nil) != good {
			t.Errorf("%q: %v", names, err)
		}
	}
}

// TestProxiesAreRemembered for a while; whom a server trusts is Caddy's word,
// which a test of whole edges hears.
func TestProxiesAreRemembered(t *testing.T) {
	now, proxy, stranger := time.Unix(1_800_000_000, 0), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("198.51.100.7")
	p := proxies{server: new(caddyhttp.Server)}
	if p.known(proxy, now) || p.trusts(proxy, now) || p.known(proxy, now) || new(proxies).trusts(proxy, now) {
		t.Error("trusts an address that no server trusts")
	}
	p.said[slotOf(proxy)%uint32(len(p.said))].Store(&trust{peer: proxy, trusted: true, until: now.Add(trustFor)})
	if !p.known(proxy, now) || !p.trusts(proxy, now) || p.known(stranger, now) {
		t.Error("does not know a proxy, or knows a stranger")
	}
	if later := now.Add(trustFor); p.known(proxy, later) || p.trusts(proxy, later) {
		t.Error("believes for longer than it should")
	}
}

// TestRefusingAllocatesNothing of what the gate does itself.
func TestRefusingAllocatesNothing(t *testing.T) {
	g := newGate(t, func(g *Gate) { g.bans("192.0.2.1"); g.Client.Pace = Pace{Rate: paceOf(1).Rate, Burst: 1} })
	peer, now, p := netip.MustParseAddr("192.0.2.2"), time.Now(), &post{id: 1}
	if n := testing.AllocsPerRun(1000, func() {
		g.exempt(peer, now)
		g.refuses(peer, now)
		keys := g.hall.keysOf(peer, p)
		g.paced(&keys, now)
		s, _ := g.hall.table.enter(&keys, &g.rooms, false)
		g.hall.table.leave(&s, true)
		g.proxies.trusts(peer, now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecision(b *testing.B) {
	g := newGate(b, func(*Gate) {})
	p, now := &post{id: 1}, time.Now()
	peers := make([]netip.Addr, 1<<16)
	for i := range peers {
		peers[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	i := 0
	for b.Loop() {
		peer := peers[i%len(peers)]
		i++
		g.exempt(peer, now)
		g.refuses(peer, now)
		keys := g.hall.keysOf(peer, p)
		g.paced(&keys, now)
		s, _ := g.hall.table.enter(&keys, &g.rooms, false)
		g.hall.table.leave(&s, true)
	}
}
