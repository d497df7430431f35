package netkey

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func hasher(t testing.TB, secret string) *Hasher {
	t.Helper()
	h, err := NewHasher([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestClientKeys(t *testing.T) {
	h := hasher(t, strings.Repeat("s", MinSecret))
	client := func(addr string) Key { return h.Client(noon, netip.MustParseAddr(addr)) }
	net := func(addr string) Key { return h.Subnet(noon, netip.MustParseAddr(addr)) }
	site := func(addr string) Key { return h.Site(noon, netip.MustParseAddr(addr)) }
	for _, c := range []struct {
		says string
		a, b Key
		same bool
	}{
		{"one IPv4 address", client("192.0.2.1"), client("192.0.2.1"), true},
		{"its neighbour", client("192.0.2.1"), client("192.0.2.2"), false},
		{"IPv4 written as IPv6", client("192.0.2.1"), client("::ffff:192.0.2.1"), true},
		{"one /64", client("2001:db8::1"), client("2001:db8::ffff:1"), true},
		{"the next /64", client("2001:db8::1"), client("2001:db8:0:1::1"), false},
		{"one /24", net("192.0.2.1"), net("192.0.2.254"), true},
		{"the next /24", net("192.0.2.1"), net("192.0.3.1"), false},
		{"one /56", net("2001:db8::1"), net("2001:db8:0:ff::1"), true},
		{"the next /56", net("2001:db8::1"), net("2001:db8:0:100::1"), false},
		{"one /48", site("2001:db8::1"), site("2001:db8:0:ffff::1"), true},
		{"the next /48", site("2001:db8::1"), site("2001:db8:1::1"), false},
		{"a /48 and its first /56", site("2001:db8::"), net("2001:db8::"), false},
		{"IPv4 has no site", site("192.0.2.1"), Key{}, true},
		{"nor has IPv4 written as IPv6", site("::ffff:192.0.2.1"), Key{}, true},
		{"nor has a client without an address", h.Site(noon, netip.Addr{}), Key{}, true},
		{"IPv6 has one", site("::1"), Key{}, false},
		{"a /24 and its first address", net("192.0.2.0"), client("192.0.2.0"), false},
		{"no address at all", h.Client(noon, netip.Addr{}), h.Client(noon, netip.Addr{}), true},
		{"no address and the zero address", h.Client(noon, netip.Addr{}), client("::"), false},
		{"the next day", client("192.0.2.1"), h.Client(noon.AddDate(0, 0, 1), netip.MustParseAddr("192.0.2.1")), false},
		{"the same day, another hour", client("192.0.2.1"), h.Client(noon.Add(time.Hour), netip.MustParseAddr("192.0.2.1")), true},
		{"another edge, same secret", client("192.0.2.1"), hasher(t, strings.Repeat("s", MinSecret)).Client(noon, netip.MustParseAddr("192.0.2.1")), true},
		{"another secret", client("192.0.2.1"), hasher(t, strings.Repeat("t", MinSecret)).Client(noon, netip.MustParseAddr("192.0.2.1")), false},
	} {
		if got := c.a == c.b; got != c.same {
			t.Errorf("%s: same key is %v, want %v", c.says, got, c.same)
		}
	}
}

func TestShortSecretsAreRefused(t *testing.T) {
	if _, err := NewHasher(make([]byte, MinSecret-1)); err == nil {
		t.Error("a secret that can be guessed was taken")
	}
}

func TestReferenceCanBeReadOut(t *testing.T) {
	h := hasher(t, strings.Repeat("s", MinSecret))
	got := h.Client(noon, netip.MustParseAddr("192.0.2.1")).Reference()
	if len(got) != 9 || got[4] != '-' || strings.ContainsAny(got, "ilou") || strings.ToLower(got) != got {
		t.Errorf("reference %q; want four and four letters that are not mistaken", got)
	}
}

func TestKeysCostNoAllocation(t *testing.T) {
	h, addr := hasher(t, strings.Repeat("s", MinSecret)), netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() { h.Client(noon, addr); h.Site(noon, addr) }); n != 0 {
		t.Errorf("a key costs %v allocations, want 0", n)
	}
}

func BenchmarkClient(b *testing.B) {
	h, addr := hasher(b, strings.Repeat("s", MinSecret)), netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		h.Client(noon, addr)
	}
}

func FuzzClient(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1})
	f.Add(make([]byte, 16))
	h := hasher(f, strings.Repeat("s", MinSecret))
	f.Fuzz(func(t *testing.T, raw []byte) {
		addr, _ := netip.AddrFromSlice(raw)
		if h.Client(noon, addr) == h.Subnet(noon, addr) {
			t.Errorf("%v and its net share a key", addr)
		}
	})
}
