package denylist

import (
	"fmt"
	"net/netip"

	"github.com/theriac-edge/theriac/scrub"
)

// The widest prefixes that can be denied: by an edge, as its protocol says, and by
// an operator, who may mean a whole provider but not the internet.
var (
	widestByEdge   = width{24, 48}
	widestByManual = width{8, 16}
)

// width is the least number of bits, by family.
type width struct{ v4, v6 int }

func (w width) of(p netip.Prefix) int {
	if p.Addr().Is4() {
		return w.v4
	}
	return w.v6
}

// NeverDeny are the prefixes that may not be denied: those that not even an
// operator may deny, and those that only edges may not.
type NeverDeny struct{ always, fromEdges []reserved }

// reserved is a prefix that may not be denied, and why.
type reserved struct {
	netip.Prefix
	why string
}

// NewNeverDeny collects them: this host's own addresses and what the policies
// protect, and for edges also more.
func NewNeverDeny(policies []scrub.Policy, own []netip.Addr, more []scrub.Prefix) (n NeverDeny) {
	for _, addr := range own {
		n.always = append(n.always, reserved{netip.PrefixFrom(addr, addr.BitLen()), "an address of this host"})
	}
	for _, p := range policies {
		for _, prefix := range p.Protect {
			n.always = append(n.always, reserved{prefix.Prefix, "protected by policy " + p.Name})
		}
	}
	for _, prefix := range more {
		n.fromEdges = append(n.fromEdges, reserved{prefix.Prefix, "in never_deny: edges may not ban it"})
	}
	return n
}

// refuse returns why a prefix may not be denied, or "" if it may.
func (n NeverDeny) refuse(p netip.Prefix, allowed []netip.Prefix, widest width, byEdge bool) string {
	if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() || p.Addr().Zone() != "" {
		return "not a valid prefix such as 192.0.2.0/24"
	}
	if least := widest.of(p); p.Bits() < least {
		return fmt.Sprintf("wider than /%d", least)
	}
	for _, a := range allowed {
		if a.Bits() <= p.Bits() && a.Overlaps(p) {
			return fmt.Sprintf("on the allow list with %s", a)
		}
	}
	sets := [][]reserved{n.always}
	if byEdge {
		sets = append(sets, n.fromEdges)
	}
	for _, set := range sets {
		for _, r := range set {
			if r.Overlaps(p) {
				return fmt.Sprintf("%s is %s", r.Prefix, r.why)
			}
		}
	}
	return ""
}
