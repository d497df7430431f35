//go:build linux

package scrub

import (
	"net/netip"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
)

const listPolicy = `
sample: 1
policies:
  - {name: shop, protect: [203.0.113.10, "2001:db8:113::10"], tcp: [80]}
`

// from has the program judge a packet from this address, and returns why.
func (h *harness) from(source string) string {
	h.Helper()
	if addr(source).Is6() {
		return h.judge(ip6(lab.IPv6{Src: addr(source)}, segment(lab.ACK))).reason.String()
	}
	return h.judge(ip4(lab.IPv4{Src: addr(source)}, segment(lab.ACK))).reason.String()
}

func (h *harness) deny(prefix string, until time.Time) {
	h.Helper()
	if err := h.Deny(Entry{Prefix: netip.MustParsePrefix(prefix), Until: until}); err != nil {
		h.Fatal(err)
	}
}

// TestEntriesCountTheirPackets: of two that hold, the narrower one counts, and
// lifting it leaves the wider one.
func TestEntriesCountTheirPackets(t *testing.T) {
	h := newHarness(t, listPolicy)
	for _, c := range []struct{ narrow, wide, source, beside string }{
		{"192.0.2.7/32", "192.0.2.0/24", "192.0.2.7", "192.0.2.8"},
		{"2001:db8:dead::7/128", "2001:db8:dead::/48", "2001:db8:dead::7", "2001:db8:dead::8"},
		{"198.18.5.0/24", "198.18.0.0/15", "198.18.5.5", "198.19.5.5"},
		{"2001:db8:f001::/48", "2001:db8:f000::/36", "2001:db8:f001::1", "2001:db8:f002::1"},
	} {
		narrow, wide := netip.MustParsePrefix(c.narrow), netip.MustParsePrefix(c.wide)
		expect := func(what, source, want string, inNarrow, inWide uint64) {
			t.Helper()
			reason := h.from(source)
			n, _ := h.Dropped(narrow)
			w, _ := h.Dropped(wide)
			if reason != want || n != inNarrow || w != inWide {
				t.Errorf("%s, %s: %s, %d dropped by %s and %d by %s; want %s, %d and %d", what, source, reason, n, narrow, w, wide, want, inNarrow, inWide)
			}
		}
		h.deny(c.wide, time.Time{})
		expect("the net", c.source, "denied", 0, 1)
		h.deny(c.narrow, time.Time{})
		expect("both", c.source, "denied", 1, 1)
		expect("both", c.beside, "denied", 1, 2)
		if err := h.Allow(narrow, time.Time{}); err != nil {
			t.Fatal(err)
		}
		expect("and it is allowed", c.source, "allowed", 1, 2)
		expect("and it is allowed", c.beside, "denied", 1, 3)
		if err := h.Disallow(narrow); err != nil {
			t.Fatal(err)
		}
		if err := h.Lift(narrow); err != nil {
			t.Fatal(err)
		}
		expect("the net again", c.source, "denied", 0, 4)
		if err := h.Lift(wide); err != nil {
			t.Fatal(err)
		}
		expect("nothing", c.source, "clean", 0, 0)
	}
}

// TestEveryLengthIsFound: of prefixes of all lengths, one within the other, the
// narrowest that is left counts, also for the process that takes over.
func TestEveryLengthIsFound(t *testing.T) {
	h := newHarness(t, listPolicy)
	for _, c := range []struct {
		source string
		widest int
	}{{"11.170.170.170", 8}, {"2aaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa", 12}} {
		source := addr(c.source)
		for bits := c.widest; bits <= source.BitLen(); bits++ {
			h.deny(netip.PrefixFrom(source, bits).Masked().String(), time.Time{})
		}
		for bits := source.BitLen(); bits >= c.widest; bits-- {
			if bits%2 == 0 {
				if err := h.restore(); err != nil {
					t.Fatal(err)
				}
			}
			p := netip.PrefixFrom(source, bits).Masked()
			before, _ := h.Dropped(p)
			reason := h.from(c.source)
			if after, _ := h.Dropped(p); reason != "denied" || after != before+1 {
				t.Errorf("%s is the narrowest for %s: %s, and it has counted %d more", p, c.source, reason, after-before)
			}
			if err := h.Lift(p); err != nil {
				t.Fatal(err)
			}
		}
		if reason := h.from(c.source); reason != "clean" {
			t.Errorf("%s, with nothing left: %s", c.source, reason)
		}
	}
}

// TestEndedEntriesHideNothing: the kernel ends an entry by itself, even if no process
// sweeps, and what holds around it comes to light.
func TestEndedEntriesHideNothing(t *testing.T) {
	h := newHarness(t, listPolicy)
	for _, c := range []struct {
		source string
		ended  []string // the narrowest first
		holds  string
	}{
		{"192.0.2.7", []string{"192.0.2.7/32"}, "192.0.2.0/24"},
		{"192.0.2.7", []string{"192.0.2.7/32"}, "192.0.2.0/26"},
		{"192.0.2.7", []string{"192.0.2.7/32", "192.0.2.0/24"}, "192.0.0.0/16"},
		{"192.0.2.7", []string{"192.0.2.0/24"}, "192.0.2.0/23"},
		{"2001:db8:dead::7", []string{"2001:db8:dead::7/128"}, "2001:db8:dead::/48"},
		{"2001:db8:dead::7", []string{"2001:db8:dead::7/128", "2001:db8:dead::/64"}, "2001:db8:dead::/56"},
		{"2001:db8:dead::7", []string{"2001:db8:dead::/48"}, "2001:db8:d000::/36"},
	} {
		soon := time.Now().Add(200 * time.Millisecond)
		for _, prefix := range c.ended {
			h.deny(prefix, soon)
		}
		if reason := h.from(c.source); reason != "denied" {
			t.Errorf("%s is not denied by %s: %s", c.source, c.ended, reason)
		}
		time.Sleep(time.Until(soon) + 20*time.Millisecond)
		if reason := h.from(c.source); reason != "clean" {
			t.Errorf("%s has ended for %s: %s", c.ended, c.source, reason)
		}
		h.deny(c.holds, time.Time{})
		if reason := h.from(c.source); reason != "denied" {
			t.Errorf("%s, which has ended, hides %s from %s: %s", c.ended, c.holds, c.source, reason)
		}
		for _, prefix := range append(c.ended, c.holds) {
			if err := h.Lift(netip.MustParsePrefix(prefix)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestEverythingIsNobodysOwn: a policy for all addresses does not take every
// source for a neighbour of the destination.
func TestEverythingIsNobodysOwn(t *testing.T) {
	h := newHarness(t, `
sample: 1
policies:
  - {name: rest, protect: [0.0.0.0/0, "::/0"], tcp: [80], tunnel: {from: `+wayFrom+`, to: `+wayTo+`}}
`)
	for _, source := range []string{client4.String(), client6.String()} {
		if reason := h.from(source); reason != "forwarded" {
			t.Errorf("from %s: %s", source, reason)
		}
	}
}

// TestWideListsAreBounded: of the widest prefix that a file may have everything
// is denied, and a wider one is refused.
func TestWideListsAreBounded(t *testing.T) {
	for _, list := range []string{"allow", "deny"} {
		if _, err := Parse([]byte(list + ": [0.0.0.0/7]")); err == nil {
			t.Errorf("%s takes half a million system calls", list)
		}
	}
	h := newHarness(t, listPolicy+"deny: [11.0.0.0/8, \"2400::/12\"]\n")
	for source, want := range map[string]string{
		"11.0.0.1": "denied", "11.255.255.255": "denied", "12.0.0.1": "clean", "2400::1": "denied", "240f:ffff::1": "denied", "2410::1": "clean",
	} {
		if reason := h.from(source); reason != want {
			t.Errorf("%s: %s, want %s", source, reason, want)
		}
	}
}
