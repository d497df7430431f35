package denylist

import (
	"net/netip"
	"testing"

	"github.com/theriac-edge/theriac/scrub"
)

func TestNeverDeny(t *testing.T) {
	config := &scrub.Config{Policies: []scrub.Policy{{Name: "shops", Protect: []scrub.Prefix{
		{Prefix: netip.MustParsePrefix("198.51.100.0/25")}, {Prefix: netip.MustParsePrefix("2001:db8:1::/48")},
	}}}}
	own := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8:2::1")}
	s := NewNeverDeny(config.Policies, own, []scrub.Prefix{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Prefix: netip.MustParsePrefix("fc00::/7")}})
	allowed := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/28")}
	for about, c := range map[string]struct {
		prefix       string
		edge, manual string // why not; empty: it may
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
		"host bits":                   {"203.0.113.77/24", "not a valid prefix such as 192.0.2.0/24", "not a valid prefix such as 192.0.2.0/24"},
		"IPv4 in IPv6":                {"::ffff:203.0.113.77/128", "not a valid prefix such as 192.0.2.0/24", "not a valid prefix such as 192.0.2.0/24"},
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
		"a private address":           {"10.1.2.3/32", "10.0.0.0/8 is in never_deny: edges may not ban it", ""},
		"a private IPv6 one":          {"fd00:1::/64", "fc00::/7 is in never_deny: edges may not ban it", ""},
	} {
		p := netip.MustParsePrefix(c.prefix)
		if got := s.refuse(p, allowed, widestByEdge, true); got != c.edge {
			t.Errorf("%s, by an edge: %q, want %q", about, got, c.edge)
		}
		if got := s.refuse(p, allowed, widestByManual, false); got != c.manual {
			t.Errorf("%s, by an operator: %q, want %q", about, got, c.manual)
		}
	}
	if got := s.refuse(netip.Prefix{}, nil, widestByEdge, true); got == "" {
		t.Error("an invalid prefix may be denied")
	}
}
