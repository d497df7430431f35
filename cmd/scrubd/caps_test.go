//go:build linux

package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
)

func TestWhoMayNotBeDenied(t *testing.T) {
	config := &scrub.Config{Policies: []scrub.Policy{{Name: "shops", Protect: []scrub.Prefix{
		{Prefix: prefix(t, "198.51.100.0/25")}, {Prefix: prefix(t, "2001:db8:1::/48")},
	}}}}
	own := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8:2::1")}
	s := spare(config, own, []scrub.Prefix{{Prefix: prefix(t, "10.0.0.0/8")}, {Prefix: prefix(t, "fc00::/7")}})
	allowed := []netip.Prefix{prefix(t, "203.0.113.0/28")}
	for about, c := range map[string]struct {
		prefix       string
		edge, people string // why not; empty: it may
	}{
		"an address":                  {"203.0.113.77/32", "", ""},
		"a /24":                       {"198.18.7.0/24", "", ""},
		"wider than a /24":            {"198.18.6.0/23", "wider than /24", ""},
		"a tenth of the internet":     {"16.0.0.0/4", "wider than /24", "wider than /8"},
		"all":                         {"0.0.0.0/0", "wider than /24", "wider than /8"},
		"an IPv6 /64":                 {"2001:db8:9:1::/64", "", ""},
		"an IPv6 /48":                 {"2001:db8:9::/48", "", ""},
		"wider than a /48":            {"2001:db8:8::/47", "wider than /48", ""},
		"a continent of IPv6":         {"2000::/12", "wider than /48", "wider than /16"},
		"host bits":                   {"203.0.113.77/24", "no prefix such as 192.0.2.0/24", "no prefix such as 192.0.2.0/24"},
		"IPv4 in IPv6":                {"::ffff:203.0.113.77/128", "no prefix such as 192.0.2.0/24", "no prefix such as 192.0.2.0/24"},
		"on the allow list":           {"203.0.113.7/32", "on the allow list with 203.0.113.0/28", "on the allow list with 203.0.113.0/28"},
		"around the allow list":       {"203.0.113.0/24", "", ""}, // the kernel looks at the allow list first
		"beside the allow list":       {"203.0.113.16/32", "", ""},
		"this host":                   {"192.0.2.1/32", "192.0.2.1/32 is an address of this host", "192.0.2.1/32 is an address of this host"},
		"around this host":            {"192.0.2.0/24", "192.0.2.1/32 is an address of this host", "192.0.2.1/32 is an address of this host"},
		"beside this host":            {"192.0.2.2/32", "", ""},
		"this host's /64":             {"2001:db8:2::/64", "2001:db8:2::1/128 is an address of this host", "2001:db8:2::1/128 is an address of this host"},
		"protected":                   {"198.51.100.9/32", "198.51.100.0/25 is protected by policy shops", "198.51.100.0/25 is protected by policy shops"},
		"beside what is protected":    {"198.51.100.128/32", "", ""},
		"a part of what is protected": {"2001:db8:1:7::/64", "2001:db8:1::/48 is protected by policy shops", "2001:db8:1::/48 is protected by policy shops"},
		"a private address":           {"10.1.2.3/32", "10.0.0.0/8 is spared: edges may not have it dropped", ""},
		"a private IPv6 one":          {"fd00:1::/64", "fc00::/7 is spared: edges may not have it dropped", ""},
	} {
		p := netip.MustParsePrefix(c.prefix)
		if got := s.refuse(p, allowed, widestByEdge, true); got != c.edge {
			t.Errorf("%s, by an edge: %q, want %q", about, got, c.edge)
		}
		if got := s.refuse(p, allowed, widestByPeople, false); got != c.people {
			t.Errorf("%s, by people: %q, want %q", about, got, c.people)
		}
	}
	if got := s.refuse(netip.Prefix{}, nil, widestByEdge, true); got == "" {
		t.Error("no prefix at all may be denied")
	}
}

func TestRateOfAShop(t *testing.T) {
	now := time.Now()
	p := newPerShop(shop.Rate{Events: 3, Per: time.Minute})
	took := func(id shop.ID, at time.Time) (n int) {
		for p.take(id, at) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		about string
		shop  shop.ID
		after time.Duration
		want  int
	}{
		{"at first", "loewen", 0, 3},
		{"another shop", "sonnen", 0, 3},
		{"a third of a minute later", "loewen", 20 * time.Second, 1},
		{"much later", "loewen", time.Hour, 3},
	} {
		if got := took(step.shop, now.Add(step.after)); got != step.want {
			t.Errorf("%s: %d verdicts, want %d", step.about, got, step.want)
		}
	}
}

func TestShopsWithoutEnd(t *testing.T) {
	p := newPerShop(shop.Rate{Events: 2, Per: time.Minute})
	now, took := time.Now(), 0
	for i := range 3 * maxShops {
		if p.take(shop.ID(time.Duration(i).String()), now) {
			took++
		}
	}
	if want := maxShops + 2; took != want {
		t.Errorf("%d verdicts of shops that were never seen, want %d", took, want)
	}
	if len(p.shops) > maxShops+1 {
		t.Errorf("%d shops are kept", len(p.shops))
	}
}
